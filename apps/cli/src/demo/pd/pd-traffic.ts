import { randomUUID } from "node:crypto";
import { setTimeout } from "node:timers/promises";

export const MODEL = "demo-model";

/** How one streamed answer came, seen by the client. */
export interface Stream {
  readonly kind: "short" | "long" | "long, seen before";
  readonly failure: string | undefined;
  /** From sending to the first token, in milliseconds. */
  readonly ttftMs: number;
  /** Between one token and the next, in milliseconds. */
  readonly gapsMs: readonly number[];
}

const REQUESTS = 80;
const PAUSE_MS = 100;
const LIMIT_MS = 60_000;
const SENTENCE = "the signal box sets the points and the train takes the track it was given ";

/**
 * Sends the same load each time: short questions with long answers, every fourth request a document of some 1 900
 * tokens with a short answer, and every sixteenth a document that was sent before. All are streamed.
 */
export async function sendPdTraffic(baseUrl: string): Promise<readonly Stream[]> {
  const running: Promise<Stream>[] = [];
  for (let i = 0; i < REQUESTS; i += 1) {
    running.push(sendOne(baseUrl, i));
    await setTimeout(PAUSE_MS);
  }
  return Promise.all(running);
}

function requestOf(i: number): { kind: Stream["kind"]; prompt: string; max_tokens: number } {
  if (i % 4 !== 3) return { kind: "short", prompt: `Question ${i}: where does this train go?`, max_tokens: 60 };
  const isRepeat = i % 16 === 15;
  const document = isRepeat ? i - 12 : i;
  return {
    kind: isRepeat ? "long, seen before" : "long",
    prompt: `Document ${document}: ${SENTENCE.repeat(100)}`,
    max_tokens: 20,
  };
}

async function sendOne(baseUrl: string, i: number): Promise<Stream> {
  const { kind, ...request } = requestOf(i);
  const started = performance.now();
  const times: number[] = [];
  let failure: string | undefined;
  try {
    const response = await fetch(`${baseUrl}/v1/completions`, {
      method: "POST",
      headers: { "content-type": "application/json", "x-request-id": `pd-${i}-${randomUUID().slice(0, 8)}` },
      body: JSON.stringify({ ...request, model: MODEL, stream: true, ignore_eos: true }),
      signal: AbortSignal.timeout(LIMIT_MS),
    });
    if (!response.ok) failure = `status ${response.status}`;
    for await (const chunk of response.body ?? []) {
      const now = performance.now();
      for (const line of Buffer.from(chunk).toString("latin1").split("\n"))
        if (line.startsWith("data: {")) times.push(now);
    }
    if (times.length < request.max_tokens) failure ??= `${times.length} of ${request.max_tokens} tokens`;
  } catch (error) {
    failure = (error as Error).message;
  }
  const gapsMs = times.slice(1).map((time, n) => time - times[n]!);
  return { kind, failure, ttftMs: (times[0] ?? Number.NaN) - started, gapsMs };
}
