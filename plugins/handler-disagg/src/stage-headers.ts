import type { Choice } from "@pointsman/plugin-api";

/** `ip:port` of the endpoint that computes the prompt; the sidecar beside the decode server reads it. */
export const PREFILLER = "x-prefiller-host-port";
/** The same as `http://ip:port`, for sidecars before August 2025. */
export const PREFILLER_URL = "x-prefiller-url";
/** `ip:port` of every encode endpoint, with commas between. */
export const ENCODERS = "x-encoder-hosts-ports";
/** `ip:port` of the data-parallel rank that was chosen. */
export const DATA_PARALLEL = "x-data-parallel-host-port";

export interface StageProfiles {
  readonly prefill: string;
  readonly encode: string;
  readonly legacyPrefillerUrl?: boolean;
}

/** Tells the sidecar who prefills and who encodes. What a client sent under these names never gets through. */
export function setStageHeaders(choice: Choice, { prefill, encode, legacyPrefillerUrl = false }: StageProfiles): void {
  const prefiller = choice.result(prefill)?.picked[0];
  if (prefiller === undefined) {
    choice.removeHeader(PREFILLER);
    choice.removeHeader(PREFILLER_URL);
  } else {
    choice.setHeader(PREFILLER, prefiller.address);
    if (legacyPrefillerUrl) choice.setHeader(PREFILLER_URL, `http://${prefiller.address}`);
    else choice.removeHeader(PREFILLER_URL);
  }
  const encoders = choice.result(encode)?.picked ?? [];
  if (encoders.length === 0) choice.removeHeader(ENCODERS);
  else choice.setHeader(ENCODERS, encoders.map(({ address }) => address).join(","));
}

/** Sends the request to the primary port of the picked pod, where the sidecar finds the chosen rank in a header. */
export function setRankHeader(choice: Choice, primaryPort: number): void {
  const first = choice.picked[0];
  if (first === undefined) return;
  if (choice.setPort === undefined) throw new TypeError("this host cannot send a request to another port");
  choice.setHeader(DATA_PARALLEL, first.address);
  choice.setPort(primaryPort);
}
