import type { IncomingMessage } from "node:http";
import type { Claim } from "../admission/admission-queue.ts";
import type { Settings } from "../options/settings.ts";

/** A token of English is about so many bytes of JSON. */
const BYTES_PER_TOKEN = 4;

export interface ClaimFacts {
  readonly prefill: boolean;
  readonly bodyBytes: number;
  /** Tokens per KV cache block. */
  readonly blockSize: number;
}

/** What a request asks of the queue. The blocks are an estimate by the size of the prompt. */
export function claimOf(request: IncomingMessage, settings: Settings, facts: ClaimFacts): Claim {
  const header = (name: string): string => {
    const value = request.headers[name.toLowerCase()];
    return typeof value === "string" ? value : "";
  };
  const priority = Number(header(settings["queue-priority-header"]) || 0);
  return {
    prefill: facts.prefill,
    blocks: Math.ceil(facts.bodyBytes / BYTES_PER_TOKEN / facts.blockSize),
    priority: Number.isSafeInteger(priority) ? priority : 0,
    tenant: header(settings["queue-tenant-header"]),
  };
}
