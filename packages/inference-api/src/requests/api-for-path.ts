import { claimForPath, type PathClaim } from "../claims.ts";
import { ANTHROPIC_CLAIMS } from "./anthropic.ts";
import { OPENAI_CLAIMS } from "./openai.ts";
import type { Api } from "./parsed-body.ts";
import { SGLANG_CLAIMS } from "./sglang.ts";
import { VLLM_CLAIMS } from "./vllm.ts";

/** Every family's claims, in the order in which llm-d configures its parsers. */
export const ALL_CLAIMS: readonly PathClaim[] = [
  ...OPENAI_CLAIMS,
  ...ANTHROPIC_CLAIMS,
  ...VLLM_CLAIMS,
  ...SGLANG_CLAIMS,
];

/** The API a request path belongs to, over all families; a request without a path is taken for a completion. */
export function apiForPath(path: string | undefined): Api | undefined {
  return claimForPath(path, ALL_CLAIMS)?.api;
}
