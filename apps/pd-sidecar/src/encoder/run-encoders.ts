import type { HostPort, JsonBody } from "@pointsman/plugin-api";
import { primedWithOneToken } from "../connectors/single-token.ts";
import type { Parts } from "../exchange/parts.ts";
import { CHAT_PATH } from "../exchange/routes.ts";
import type { RawHeaders } from "../http/headers.ts";
import { openJsonBody } from "../http/json-body.ts";
import { Refusal } from "../http/own-answers.ts";
import { readBody } from "../http/read-body.ts";
import { formatTarget } from "../http/target.ts";
import { UpstreamFailure } from "../upstream/upstream-client.ts";
import type { EncoderConnector } from "./encoder-connectors.ts";

const LARGEST_ANSWER = 32 * 1_048_576;

export interface EncodeRequest {
  readonly connector: EncoderConnector;
  readonly encoders: readonly HostPort[];
  readonly items: readonly object[];
  readonly body: JsonBody;
  readonly id: string;
  /** Without `x-request-id`. */
  readonly headers: RawHeaders;
  readonly signal: AbortSignal;
}

/**
 * Encodes every item, all at once and in turn over the encoders. Gives the request for the stages that follow.
 *
 * @throws Refusal 502 when one of them fails; the others are cut off
 */
export async function runEncoders(parts: Parts, request: EncodeRequest): Promise<JsonBody> {
  const { encoders, items, body } = request;
  const stop = new AbortController();
  const signal = AbortSignal.any([request.signal, stop.signal]);
  const primed = primedWithOneToken(body);
  try {
    const answers = await Promise.all(
      items.map((item, i) => encode(parts, { ...request, signal }, encoders[i % encoders.length]!, primed, item, i)),
    );
    return request.connector.merge(body, answers).with({ cache_hit_threshold: 0 });
  } catch (error) {
    if (request.signal.aborted) throw new UpstreamFailure("aborted", "the client is gone");
    throw error;
  } finally {
    stop.abort();
  }
}

async function encode(
  { clients, budget, log }: Parts,
  request: EncodeRequest,
  target: HostPort,
  primed: JsonBody,
  item: object,
  index: number,
): Promise<JsonBody> {
  const { id, signal } = request;
  const failed = (why: string): Refusal => new Refusal(502, `The encoder ${formatTarget(target)} ${why}.`);
  const headers = [...request.headers, "x-request-id", `${id}-enc-${index}`, "accept-encoding", "identity"];
  const body = primed.with({ messages: [{ role: "user", content: [item] }] }).bytes;
  try {
    const answer = await clients.encoder.send(target, { method: "POST", path: CHAT_PATH, headers, body, signal });
    const { bytes, reserved } = await readBody(answer.body, { maxBytes: LARGEST_ANSWER, budget, copies: 1 });
    reserved.release();
    if (answer.status < 200 || answer.status > 299) throw failed(`answered with status ${answer.status}`);
    const opened = openJsonBody(bytes);
    if (!("bytes" in opened)) throw failed("answered with something that is no JSON object");
    if (opened.raw("ec_transfer_params") === undefined)
      log.debug("an encoder answer has no ec_transfer_params", { id });
    return opened;
  } catch (error) {
    if (error instanceof Refusal && error.status === 502) throw error;
    throw failed(error instanceof Error ? `failed: ${error.message}` : "failed");
  }
}
