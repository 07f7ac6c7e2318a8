import { randomUUID } from "node:crypto";
import { setTimeout } from "node:timers/promises";

/** How one request went, seen by the client. */
export interface Answered {
  readonly ok: boolean;
  readonly status: number;
  /** Name of the simulator that answered, as it says itself. */
  readonly server: string;
  /** From sending to the first byte of the answer's body, in milliseconds. */
  readonly ttftMs: number;
  readonly sessionToken: string | undefined;
}

const REQUESTS = 60;
const LIMIT_MS = 30_000;
const MODEL = "demo-model";
const ADAPTER = "demo-lora";

/**
 * Sends a mixed load: chats with and without streaming, completions, an adapter, four conversations that send their
 * session token back, and one model that nobody serves.
 */
export async function sendMixedTraffic(baseUrl: string): Promise<readonly Answered[]> {
  const tokens = new Map<string, string>();
  const running: Promise<Answered>[] = [];
  for (let i = 0; i < REQUESTS; i += 1) {
    running.push(sendOne(baseUrl, i, tokens));
    await setTimeout(i % 6 === 0 ? 120 : 20);
  }
  return Promise.all(running);
}

async function sendOne(baseUrl: string, i: number, tokens: Map<string, string>): Promise<Answered> {
  const conversation = i % 5 === 0 ? `conversation-${(i / 5) % 4}` : undefined;
  const headers: Record<string, string> = {
    "content-type": "application/json",
    "x-request-id": `demo-${i}-${randomUUID().slice(0, 8)}`,
  };
  const token = conversation === undefined ? undefined : tokens.get(conversation);
  if (token !== undefined) headers["x-session-token"] = token;
  const { path, body } = requestOf(i);
  const started = performance.now();
  const response = await fetch(`${baseUrl}${path}`, {
    method: "POST",
    headers,
    body: JSON.stringify(body),
    signal: AbortSignal.timeout(LIMIT_MS),
  });
  let ttftMs = Number.NaN;
  for await (const _ of response.body ?? []) if (Number.isNaN(ttftMs)) ttftMs = performance.now() - started;
  const sessionToken = response.headers.get("x-session-token") ?? undefined;
  if (conversation !== undefined && sessionToken !== undefined) tokens.set(conversation, sessionToken);
  return {
    ok: response.ok,
    status: response.status,
    server: response.headers.get("x-sim-server") ?? "",
    ttftMs,
    sessionToken,
  };
}

function requestOf(i: number): { path: string; body: Readonly<Record<string, unknown>> } {
  const content = `Request ${i}: ${"tell me about trains and points ".repeat(1 + (i % 7) * 4)}`;
  const messages = [{ role: "user", content }];
  if (i === 31) return { path: "/v1/chat/completions", body: { model: "no-such-model", messages } };
  if (i % 9 === 4) return { path: "/v1/completions", body: { model: ADAPTER, prompt: content, max_tokens: 8 } };
  if (i % 3 === 0)
    return { path: "/v1/chat/completions", body: { model: MODEL, messages, max_tokens: 24, stream: true } };
  if (i % 3 === 1) return { path: "/v1/completions", body: { model: MODEL, prompt: content, max_tokens: 16 } };
  return { path: "/v1/chat/completions", body: { model: MODEL, messages, max_tokens: 12 } };
}
