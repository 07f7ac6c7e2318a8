import {
  Client,
  type ClientDuplexStream,
  credentials,
  status as grpcStatus,
  Metadata,
  type ServiceError,
} from "@grpc/grpc-js";
import { encodeProcessingRequest, type ProcessingRequestInput } from "../codec/processing-request.ts";
import { decodeProcessingResponse, type ProcessingResponse } from "../codec/processing-response.ts";
import { asBuffer } from "../codec/wire-reader.ts";
import { EXT_PROC_METHOD } from "../wire-names.ts";

export interface ExtProcClientOptions {
  /** `host:port` or `[ipv6]:port`. */
  readonly address: string;
  readonly tls?: {
    /** PEM certificates to trust; without them the system's. */
    readonly ca?: Buffer;
    /** false accepts any certificate. Default true. */
    readonly verify?: boolean;
  };
}

/** How a stream ended. Code 0 is OK. */
export interface ExtProcStatus {
  readonly code: number;
  readonly message: string;
}

export interface ExtProcListener {
  onResponse(response: ProcessingResponse): void;
  /** Called exactly once; nothing follows it. */
  onEnd(status: ExtProcStatus): void;
  /** `send` had returned false and may be called again. */
  onDrain?(): void;
}

/** The proxy's end of one ext_proc stream. */
export interface ExtProcStream {
  /** @returns false if the buffer is full: wait for `onDrain` */
  send(request: ProcessingRequestInput | Uint8Array): boolean;
  /** No further message will be sent. */
  halfClose(): void;
  /** Resets the stream; `onEnd` is told status CANCELLED. */
  cancel(): void;
  /** Stops and restarts the reading of responses. */
  pause(): void;
  resume(): void;
}

/** A stream read by `for await`: ends with the stream, throws if that ended with another status than OK. */
export interface IterableExtProcStream extends ExtProcStream, AsyncIterable<ProcessingResponse> {
  /** Settles when the stream has ended and its responses were read; never rejects. */
  readonly status: Promise<ExtProcStatus>;
}

export interface ExtProcClient {
  /** Opens a stream that reports to `listener`. A response that cannot be decoded ends it with status INTERNAL. */
  open(listener: ExtProcListener): ExtProcStream;
  /** Opens a stream to be iterated. */
  open(): IterableExtProcStream;
  /** Closes the connection once its streams have ended. */
  close(): void;
}

const identity = (bytes: Buffer): Buffer => bytes;

/** Creates a client of an endpoint picker: what Envoy's ext_proc filter is. Connects on the first stream. */
export function createExtProcClient({ address, tls }: ExtProcClientOptions): ExtProcClient {
  const channelCredentials =
    tls === undefined
      ? credentials.createInsecure()
      : credentials.createSsl(tls.ca ?? null, null, null, { rejectUnauthorized: tls.verify ?? true });
  const client = new Client(address, channelCredentials, {
    "grpc.max_receive_message_length": -1,
    "grpc.max_send_message_length": -1,
    "grpc.enable_channelz": 0,
    // Each client owns its connection: closing one must not depend on others to the same address.
    "grpc.use_local_subchannel_pool": 1,
    "grpc-node.flow_control_window": 1024 * 1024,
  });
  const start = (listener: ExtProcListener): ExtProcStream =>
    attach(client.makeBidiStreamRequest(EXT_PROC_METHOD, identity, identity, new Metadata()), listener);
  function open(listener: ExtProcListener): ExtProcStream;
  function open(): IterableExtProcStream;
  function open(listener?: ExtProcListener): ExtProcStream {
    return listener === undefined ? iterable(start) : start(listener);
  }
  return { open, close: () => client.close() };
}

function attach(call: ClientDuplexStream<Buffer, Buffer>, listener: ExtProcListener): ExtProcStream {
  let ended = false;
  const end = (status: ExtProcStatus) => {
    if (ended) return;
    ended = true;
    listener.onEnd(status);
  };
  call.on("data", (bytes: Buffer) => {
    if (ended) return;
    let response: ProcessingResponse;
    try {
      response = decodeProcessingResponse(bytes);
    } catch (error) {
      end({ code: grpcStatus.INTERNAL, message: error instanceof Error ? error.message : String(error) });
      call.cancel();
      return;
    }
    listener.onResponse(response);
  });
  call.on("drain", () => listener.onDrain?.());
  // The status says everything an error would.
  call.on("error", (_error: ServiceError) => {});
  call.on("status", ({ code, details }) => end({ code, message: details }));
  return {
    send: (request) =>
      call.write(request instanceof Uint8Array ? asBuffer(request) : asBuffer(encodeProcessingRequest(request))),
    halfClose: () => call.end(),
    cancel: () => call.cancel(),
    pause: () => call.pause(),
    resume: () => call.resume(),
  };
}

function iterable(start: (listener: ExtProcListener) => ExtProcStream): IterableExtProcStream {
  const received: ProcessingResponse[] = [];
  let ended: ExtProcStatus | undefined;
  let wake: (() => void) | undefined;
  let settle!: (status: ExtProcStatus) => void;
  const status = new Promise<ExtProcStatus>((resolve) => {
    settle = resolve;
  });
  const stream = start({
    onResponse(response) {
      received.push(response);
      wake?.();
    },
    onEnd(end) {
      ended = end;
      settle(end);
      wake?.();
    },
  });
  return {
    ...stream,
    status,
    async *[Symbol.asyncIterator]() {
      for (;;) {
        const response = received.shift();
        if (response !== undefined) {
          yield response;
        } else if (ended !== undefined) {
          if (ended.code !== grpcStatus.OK)
            throw new Error(`ext_proc stream ended with status ${ended.code}: ${ended.message}`);
          return;
        } else {
          await new Promise<void>((resolve) => {
            wake = resolve;
          });
        }
      }
    },
  };
}
