/** How Envoy shows a body to the external processor; the names of `ProcessingMode.BodySendMode`. */
export type BodyMode = "NONE" | "STREAMED" | "BUFFERED" | "BUFFERED_PARTIAL" | "FULL_DUPLEX_STREAMED";
/** Whether Envoy shows headers or trailers; the names of `ProcessingMode.HeaderSendMode`. */
export type HeaderMode = "DEFAULT" | "SEND" | "SKIP";

/** What Envoy will and will not show; an override carries all six, because a missing one means its zero value. */
export interface ProcessingMode {
  readonly requestHeaders: HeaderMode;
  readonly responseHeaders: HeaderMode;
  readonly requestBody: BodyMode;
  readonly responseBody: BodyMode;
  readonly requestTrailers: HeaderMode;
  readonly responseTrailers: HeaderMode;
}

/** The configured body modes, sent by Envoy (1.34 and later) on the first message of a stream. */
export interface ProtocolConfig {
  readonly requestBody: BodyMode;
  readonly responseBody: BodyMode;
  /** STREAMED only: chunks arrive before the header answer was given. */
  readonly sendBodyWithoutWaiting: boolean;
}

const BODY_MODES: readonly BodyMode[] = ["NONE", "STREAMED", "BUFFERED", "BUFFERED_PARTIAL", "FULL_DUPLEX_STREAMED"];
const HEADER_MODES: readonly HeaderMode[] = ["DEFAULT", "SEND", "SKIP"];

/** The mode of an enum number. A number of the future (or GRPC, which Envoy does not implement) reads as full duplex. */
export function bodyModeOf(number: number): BodyMode {
  return BODY_MODES[number] ?? "FULL_DUPLEX_STREAMED";
}

export function bodyModeNumber(mode: BodyMode): number {
  return BODY_MODES.indexOf(mode);
}

export function headerModeOf(number: number): HeaderMode {
  return HEADER_MODES[number] ?? "DEFAULT";
}

export function headerModeNumber(mode: HeaderMode): number {
  return HEADER_MODES.indexOf(mode);
}
