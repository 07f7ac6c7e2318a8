import type { Prompt, RequestKey, RequestLocals, RequestView } from "@pointsman/plugin-api";
import type { RequestData } from "../protocol.ts";
import { seededNumbers } from "./seeded-numbers.ts";

/**
 * A request in a worker. Its bytes stay in the host: `body` is undefined as for a request whose body was not shown,
 * and the prompt tells its length but not its text.
 */
export function createWorkerRequest({ headers, promptBytes, seed, ...plain }: RequestData): RequestView {
  const locals = new Map<string, unknown>();
  let signal: AbortSignal | undefined;
  let random: (() => number) | undefined;
  const prompt: Prompt = Object.freeze({
    parts: Object.freeze([]),
    byteLength: promptBytes,
    tokenIds: undefined,
    text(): string {
      throw new Error("the text of prompts does not cross to a worker");
    },
  });
  const requestLocals: RequestLocals = {
    get: <Value>({ key }: RequestKey<Value>) => locals.get(key) as Value | undefined,
    set: <Value>({ key }: RequestKey<Value>, value: Value) => void locals.set(key, value),
  };
  return Object.freeze({
    ...plain,
    prompt,
    body: undefined,
    json: () => undefined,
    locals: requestLocals,
    header(name: string): string | undefined {
      const lower = name.toLowerCase();
      // The last one counts when a header is repeated.
      for (let i = headers.length - 2; i >= 0; i -= 2) if (headers[i] === lower) return headers[i + 1];
      return undefined;
    },
    /** Tells the deadline; the end of a request before it does not cross. */
    get signal(): AbortSignal {
      signal ??= AbortSignal.timeout(Math.max(0, Math.ceil(plain.deadline - Date.now())));
      return signal;
    },
    random(): number {
      random ??= seededNumbers(seed);
      return random();
    },
  });
}
