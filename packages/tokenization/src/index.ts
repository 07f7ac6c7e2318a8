export { BpeTokenizer, DEFAULT_SEGMENT_CACHE_BYTES } from "./bpe-tokenizer.ts";
export { type CreateTokenizerOptions, createTokenizer } from "./create-tokenizer.ts";
export { BYTES_PER_TOKEN, estimatedTokenCount, estimateTokens, estimateTokensInTurns } from "./estimate-tokens.ts";
export { type EncodeOptions, TokenizationCancelled, type Tokenizer } from "./tokenizer.ts";
export { describeTokenizer, type TokenizerDescription } from "./tokenizer-json.ts";
export { UnsupportedTokenizer } from "./unsupported-tokenizer.ts";
