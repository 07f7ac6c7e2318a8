import { Server, ServerCredentials, type ServerDuplexStream } from "@grpc/grpc-js";
import {
  DESTINATION_KEY,
  decodeHeaderMap,
  decodeProcessingRequest,
  ENDPOINT_NAMESPACE,
  EXT_PROC_METHOD,
  encodeProcessingResponse,
  type JsonObject,
  type MessageKind,
  type ProcessingRequest,
  type ProcessingResponse,
  readNamespace,
  SUBSET_NAMESPACE,
} from "@pointsman/ext-proc";

/** One message as the picker saw it. */
export interface Seen {
  readonly kind: MessageKind;
  readonly headers: readonly (readonly [string, string])[];
  readonly body: Buffer;
  readonly endOfStream: boolean;
  readonly lb: JsonObject | undefined;
  readonly subset: JsonObject | undefined;
  readonly protocolConfig: ProcessingRequest["protocolConfig"];
  header(name: string): string | undefined;
}

/** One stream as the picker saw it. */
export interface SeenStream {
  readonly messages: Seen[];
  /** How it ended: the gateway half-closed it, or reset it. */
  ended: "half-closed" | "reset" | undefined;
  send(response: ProcessingResponse): void;
  /** Ends the call with OK. */
  finish(): void;
  fail(code: number): void;
}

export type Script = (message: Seen, stream: SeenStream) => ProcessingResponse | undefined;

export interface FakePicker {
  readonly address: string;
  readonly streams: SeenStream[];
  kill(): void;
}

/** Answers every message with nothing to change, and the routing message with a destination. */
export function routeTo(destination: string, more: Partial<ProcessingResponse> = {}): Script {
  return (message) => {
    const decides = message.kind === "request_body" || (message.kind === "request_headers" && message.endOfStream);
    if (!decides) return { kind: message.kind };
    return {
      kind: message.kind,
      setHeaders: [[DESTINATION_KEY, destination]],
      dynamicMetadata: { [ENDPOINT_NAMESPACE]: { [DESTINATION_KEY]: destination } },
      ...more,
    } as ProcessingResponse;
  };
}

const identity = (bytes: Buffer): Buffer => bytes;

/** A picker that does what a script says. `undefined` leaves a message unanswered. */
export async function startPicker(script: Script, port = 0): Promise<FakePicker> {
  const server = new Server({ "grpc.max_receive_message_length": -1 });
  const streams: SeenStream[] = [];
  server.addService(
    {
      Process: {
        path: EXT_PROC_METHOD,
        requestStream: true,
        responseStream: true,
        requestSerialize: identity,
        requestDeserialize: identity,
        responseSerialize: identity,
        responseDeserialize: identity,
      },
    },
    {
      Process(call: ServerDuplexStream<Buffer, Buffer>) {
        const stream: SeenStream = {
          messages: [],
          ended: undefined,
          send: (response) => call.write(Buffer.from(encodeProcessingResponse(response))),
          finish: () => call.end(),
          fail: (code) => call.emit("error", { code, details: "scripted" }),
        };
        streams.push(stream);
        call.on("data", (bytes: Buffer) => {
          const message = see(bytes);
          stream.messages.push(message);
          const answer = script(message, stream);
          if (answer !== undefined) stream.send(answer);
        });
        // Of a stream that is reset grpc-js tells first that it ended, and only in a later turn that it was cancelled.
        call.on("end", () =>
          setTimeout(() => {
            stream.ended ??= "half-closed";
            call.end();
          }, 20),
        );
        call.on("cancelled", () => {
          stream.ended ??= "reset";
        });
        call.on("error", () => {});
      },
    },
  );
  const bound = await new Promise<number>((resolve, reject) => {
    server.bindAsync(`127.0.0.1:${port}`, ServerCredentials.createInsecure(), (error, chosen) =>
      error ? reject(error) : resolve(chosen),
    );
  });
  return { address: `127.0.0.1:${bound}`, streams, kill: () => server.forceShutdown() };
}

function see(bytes: Buffer): Seen {
  const message = decodeProcessingRequest(bytes);
  const flat = decodeHeaderMap(message.headerMap);
  const headers = flat.flatMap((name, i) => (i % 2 === 0 ? [[name, flat[i + 1]!] as const] : []));
  return {
    kind: message.kind,
    headers,
    body: Buffer.from(message.body),
    endOfStream: message.endOfStream,
    lb: readNamespace(message.metadata, ENDPOINT_NAMESPACE),
    subset: readNamespace(message.metadata, SUBSET_NAMESPACE),
    protocolConfig: message.protocolConfig,
    header: (name) => headers.find(([key]) => key === name)?.[1],
  };
}
