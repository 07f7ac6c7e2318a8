/**
 * How fast a simulated model server is. One step of the engine handles one token of each running answer and, with what
 * is left of the batch, parts of prompts in the order of arrival (chunked prefill). It takes
 * `stepMs + prompt tokens / prefillTokensPerMs + answers × decodeMsPerAnswer`.
 */
export interface EngineModel {
  /** Prompt tokens in a millisecond. */
  readonly prefillTokensPerMs: number;
  /** Fixed part of a step, in milliseconds. */
  readonly stepMs: number;
  /** What each answer adds to a step, in milliseconds. */
  readonly decodeMsPerAnswer: number;
  /** Tokens in one step. */
  readonly maxBatchTokens: number;
  /** Requests that run at a time. */
  readonly maxRunning: number;
}

/** 20 480 prompt tokens in a second; the other limits are vLLM's defaults for a large accelerator. */
export const defaultEngineModel: EngineModel = {
  prefillTokensPerMs: 20.48,
  stepMs: 8,
  decodeMsPerAnswer: 0.1,
  maxBatchTokens: 8_192,
  maxRunning: 256,
};
