/** What one stream may cost. */
export interface StreamLimits {
  /** Largest request body; above it the client gets 413. Counted whether or not the body is kept. */
  readonly maxBodyBytes: number;
  /** Most request headers (values); above it the client gets 431. */
  readonly maxHeaders: number;
  /** Most bytes of encoded request headers; above it the client gets 431. */
  readonly maxHeaderBytes: number;
}

export const DEFAULT_LIMITS: StreamLimits = {
  maxBodyBytes: 32 * 1024 * 1024,
  maxHeaders: 1_000,
  maxHeaderBytes: 1024 * 1024,
};
