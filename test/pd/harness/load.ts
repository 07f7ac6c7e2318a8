import { open, read } from "../../envoy/harness/http.ts";
import { MODEL } from "../../envoy/harness/stack.ts";

/** What became of one request. */
export interface Shot {
  /** True for a prompt long enough to be split. */
  readonly long: boolean;
  readonly startedAt: number;
  readonly endedAt: number;
  /** Absent when it was answered in full with status 200 and with as many tokens as were asked for. */
  readonly failure: string | undefined;
}

export interface Load {
  /** Requests that have ended. */
  readonly shots: readonly Shot[];
  /** Fires no more and waits for the rest. */
  stop(): Promise<readonly Shot[]>;
}

const OUTPUT_TOKENS = 8;
const WORDS = "the train runs on time and the points are set for it ".repeat(16);

/** A prompt of about 210 tokens that no other request has begun with. */
export function longPrompt(label: string): string {
  return `${label} ${WORDS}`;
}

/** Fires so many requests a second: three of four with a long prompt of its own, every other one streamed. */
export function startLoad(url: string, perSecond: number): Load {
  const shots: Shot[] = [];
  const running = new Set<Promise<void>>();
  let fired = 0;
  const fire = async (): Promise<void> => {
    const number = fired++;
    const long = number % 4 !== 3;
    const startedAt = Date.now();
    const failure = await send(url, long ? longPrompt(`request ${number} of ${startedAt}`) : "hello", number % 2 === 0);
    shots.push({ long, startedAt, endedAt: Date.now(), failure });
  };
  const timer = setInterval(() => {
    const shot = fire().finally(() => running.delete(shot));
    running.add(shot);
  }, 1_000 / perSecond);
  return {
    shots,
    async stop() {
      clearInterval(timer);
      await Promise.all(running);
      return shots;
    },
  };
}

async function send(url: string, prompt: string, stream: boolean): Promise<string | undefined> {
  const body = { model: MODEL, prompt, stream, max_tokens: OUTPUT_TOKENS, ignore_eos: true };
  try {
    const answer = await read(await open(`${url}/v1/completions`, body));
    if (answer.status !== 200) return `${answer.status} ${answer.text}`;
    if (!stream) {
      const { usage } = answer.json() as { usage?: { completion_tokens?: number } };
      return usage?.completion_tokens === OUTPUT_TOKENS ? undefined : `an answer of ${usage?.completion_tokens} tokens`;
    }
    if (!answer.text.endsWith("data: [DONE]\n\n")) return "cut off";
    const events = answer.text.split("\n").filter((line) => line.startsWith("data: {")).length;
    return events === OUTPUT_TOKENS ? undefined : `a stream of ${events} tokens`;
  } catch (error) {
    return String((error as Error).cause ?? error);
  }
}

export function failuresOf(shots: readonly Shot[]): readonly string[] {
  return shots.flatMap(({ failure }) => failure ?? []);
}
