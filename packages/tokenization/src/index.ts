export { BYTES_PER_TOKEN, estimatedTokenCount, estimateTokens, estimateTokensInTurns } from "./estimate-tokens.ts";
