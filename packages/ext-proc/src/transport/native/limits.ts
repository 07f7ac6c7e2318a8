import type { Allowance } from "./flood-guard.ts";

/** What one peer may cost. All of it can be met by a proxy that behaves, whatever its clients do. */
export interface ConnectionLimits {
  /** Connections at a time; one more is closed at once. Envoy opens one per worker thread. */
  readonly maxConnections: number;
  /** Streams at a time on one connection, advertised as MAX_CONCURRENT_STREAMS; one more is refused. */
  readonly maxStreamsPerConnection: number;
  /** Names, values and 32 bytes per field of one request, decoded, as MAX_HEADER_LIST_SIZE counts; above it 431. */
  readonly maxHeaderListBytes: number;
  /** Compressed bytes of one header block; above it the connection is closed. */
  readonly maxHeaderBlockBytes: number;
  /** CONTINUATION frames of one header block. */
  readonly maxContinuations: number;
  /** Bytes that wait for the peer's flow control on one connection; the stream that passes it is reset. */
  readonly maxQueuedBytes: number;
  /** Time for the TLS handshake, and again for the connection preface. */
  readonly prefaceTimeoutMs: number;
  /** Time from the first to the last byte of a frame or of a header block. */
  readonly frameTimeoutMs: number;
  /** Time without progress that a stream with waiting bytes, or a socket that takes none, is given. */
  readonly stallTimeoutMs: number;
  /** A connection from which nothing came for so long is asked with PING. */
  readonly pingAfterMs: number;
  /** Time for the answer. */
  readonly pingTimeoutMs: number;
  /** Frames that carry nothing (PING, SETTINGS, PRIORITY, empty DATA, …); messages in either direction earn more. */
  readonly idleFrames: Allowance;
  /** Streams that the peer opens and resets, or makes us reset, within a second and without any answer. */
  readonly abandonedStreams: Allowance;
}

const KIBIBYTE = 1024;
const MEBIBYTE = 1024 * KIBIBYTE;

export const DEFAULT_CONNECTION_LIMITS: ConnectionLimits = {
  maxConnections: 1_024,
  maxStreamsPerConnection: 100_000,
  maxHeaderListBytes: 64 * KIBIBYTE,
  maxHeaderBlockBytes: 64 * KIBIBYTE,
  maxContinuations: 32,
  maxQueuedBytes: 256 * MEBIBYTE,
  prefaceTimeoutMs: 10_000,
  frameTimeoutMs: 30_000,
  // As long as Envoy's own idle timeout of streams: a proxy whose client reads slowly stops reading from here.
  stallTimeoutMs: 300_000,
  pingAfterMs: 60_000,
  pingTimeoutMs: 20_000,
  idleFrames: { burst: 10_000, perSecond: 1_000 },
  abandonedStreams: { burst: 1_000, perSecond: 100 },
};
