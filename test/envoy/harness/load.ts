import { open, read } from "./http.ts";
import { MODEL } from "./stack.ts";

/** What became of one request. */
export interface Shot {
  readonly startedAt: number;
  readonly endedAt: number;
  /** Absent when it was answered in full with status 200. */
  readonly failure: string | undefined;
}

export interface Load {
  /** Requests that have ended. */
  readonly shots: readonly Shot[];
  /** Fires no more and waits for the rest. */
  stop(): Promise<readonly Shot[]>;
}

const PAUSE_MS = 50;

/** Fires 20 requests a second, every other one streamed, each some 50 ms long. */
export function startLoad(url: string): Load {
  const shots: Shot[] = [];
  const running = new Set<Promise<void>>();
  let fired = 0;
  const fire = async (): Promise<void> => {
    const stream = fired++ % 2 === 0;
    const startedAt = Date.now();
    const failure = await send(`${url}/v1/chat/completions`, stream);
    shots.push({ startedAt, endedAt: Date.now(), failure });
  };
  const timer = setInterval(() => {
    const shot = fire().finally(() => running.delete(shot));
    running.add(shot);
  }, PAUSE_MS);
  return {
    shots,
    async stop() {
      clearInterval(timer);
      await Promise.all(running);
      return shots;
    },
  };
}

async function send(url: string, stream: boolean): Promise<string | undefined> {
  const messages = [{ role: "user", content: "Where does this train go?" }];
  try {
    const answer = await read(await open(url, { model: MODEL, messages, stream, max_tokens: 12 }));
    if (answer.status !== 200) return `${answer.status} ${answer.text}`;
    const complete = stream ? answer.text.endsWith("data: [DONE]\n\n") : answer.text.endsWith("}");
    return complete ? undefined : "cut off";
  } catch (error) {
    return String((error as Error).cause ?? error);
  }
}
