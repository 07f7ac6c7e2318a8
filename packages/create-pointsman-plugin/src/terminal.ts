import { createInterface } from "node:readline/promises";

/** Where questions go and answers come from. */
export interface Terminal {
  readonly input: NodeJS.ReadableStream;
  readonly output: NodeJS.WritableStream;
}

/** The person at the terminal gave up: Ctrl-C, Ctrl-D, or the end of the input. */
export class Cancelled extends Error {
  override readonly name = "Cancelled";
}

/** Asks one question after the other. */
export interface Asker {
  /**
   * Asks until `parse` takes the answer. An empty answer is the default.
   * @param parse the value, or a sentence that says what is wrong with the answer.
   * @throws Cancelled
   */
  ask<Value>(
    question: string,
    preset: string,
    parse: (answer: string) => { readonly value: Value } | { readonly fault: string },
  ): Promise<Value>;
  close(): void;
}

export function createAsker({ input, output }: Terminal): Asker {
  const lines = createInterface({ input, output });
  const gone = new AbortController();
  lines.once("SIGINT", () => lines.close());
  lines.once("close", () => gone.abort());
  return {
    async ask(question, preset, parse) {
      for (;;) {
        const answer = await lines.question(`${question} (${preset}) `, { signal: gone.signal }).catch(() => {
          throw new Cancelled("cancelled");
        });
        const parsed = parse(answer.trim() || preset);
        if ("value" in parsed) return parsed.value;
        output.write(`  ${parsed.fault}\n`);
      }
    },
    close: () => lines.close(),
  };
}
