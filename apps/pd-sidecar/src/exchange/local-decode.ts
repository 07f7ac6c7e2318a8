import type { IncomingMessage } from "node:http";
import type { DecodeAnswer, HostPort, JsonBody } from "@pointsman/plugin-api";
import { chunkedDecode } from "../decode/chunked-decode.ts";
import { type RawHeaders, without } from "../http/headers.ts";
import { Refusal } from "../http/own-answers.ts";
import { type UpstreamAnswer, UpstreamFailure, type UpstreamRequest } from "../upstream/upstream-client.ts";
import type { Parts } from "./parts.ts";
import { CHAT_PATH, pathOf } from "./routes.ts";

type Needs = Pick<Parts, "settings" | "clients" | "budget">;

const ENCODING: ReadonlySet<string> = new Set(["accept-encoding"]);

/** Sends to the local model server. @throws Refusal 503 when it is not there, 502 when it broke off */
export async function askDecoder(parts: Needs, target: HostPort, request: UpstreamRequest): Promise<UpstreamAnswer> {
  try {
    return await parts.clients.decoder.send(target, request);
  } catch (error) {
    if (!(error instanceof UpstreamFailure) || error.kind === "aborted") throw error;
    throw error.kind === "refused"
      ? new Refusal(503, "The decode node is not ready. Please check that the model server is running.", 1)
      : new Refusal(502, "The decode node closed the connection without an answer.");
  }
}

export interface DecodeRequest {
  readonly target: HostPort;
  /** With the query. */
  readonly path: string;
  readonly headers: RawHeaders;
  readonly body: JsonBody;
  /** May be split into chunks. */
  readonly chunkable: boolean;
  readonly signal: AbortSignal;
  /** The first bytes of the answer are here. */
  readonly onFirstBytes: (status: number) => void;
}

/** The decode leg: in one piece, or in chunks where that is switched on and the request is of that kind. */
export async function decodeLocally(parts: Needs, request: DecodeRequest): Promise<DecodeAnswer> {
  const { target, path, signal, onFirstBytes } = request;
  const send = (body: JsonBody, headers = request.headers): Promise<UpstreamAnswer> =>
    askDecoder(parts, target, { method: "POST", path, headers, body: body.bytes, signal });
  const size = parts.settings["decode-chunk-size"];
  if (request.chunkable && size > 0 && pathOf(path) === CHAT_PATH) {
    const readable = [...without(request.headers, ENCODING), "accept-encoding", "identity"];
    const sendChunk = (body: JsonBody): Promise<UpstreamAnswer> => send(body, readable);
    const answer = await chunkedDecode({ body: request.body, size, budget: parts.budget, send: sendChunk });
    if (answer !== undefined) return { ...answer, body: watched(answer.body, () => onFirstBytes(answer.status)) };
  }
  const { status, headers: answered, body } = await send(request.body);
  return { status, headers: answered, body: watched(body, () => onFirstBytes(status)) };
}

/** The same bytes; leaving early destroys the message, and with it the connection. */
async function* watched(
  body: IncomingMessage | AsyncIterable<Uint8Array>,
  onFirst: () => void,
): AsyncGenerator<Uint8Array> {
  let isFirst = true;
  for await (const chunk of body as AsyncIterable<Uint8Array>) {
    if (isFirst) onFirst();
    isFirst = false;
    yield chunk;
  }
  if (isFirst) onFirst();
}
