import { Bench } from "tinybench";
import { defineFields, locateFields, readOpenAiBody } from "../src/index.ts";

/** What a router pays per chat request body: locating fields in bytes against parsing the whole, median µs. */

const WANTED = defineFields("model", "stream", "stream_options.include_usage", "max_tokens", "messages", "tools");

/** A chat of about this many bytes: turns of some 600 characters with line breaks, quotes and, if asked, umlauts. */
function chatBody(bytes: number, sentence: string): Buffer {
  const turn = `${sentence.repeat(6)}\n\nHe said "yes".\n`;
  const messages: { role: string; content: string }[] = [];
  const size = Buffer.byteLength(JSON.stringify(turn)) + 30;
  for (let sum = 100; sum + size <= bytes || messages.length === 0; sum += size) {
    messages.push({ role: messages.length % 2 === 0 ? "user" : "assistant", content: turn });
  }
  return Buffer.from(
    JSON.stringify({ model: "llama-3.1-8b", stream: true, max_tokens: 256, temperature: 0.7, messages }),
  );
}

const SENTENCES = {
  ascii: "The quick brown fox jumps over the lazy dog, and nobody in the village was surprised by it. ",
  mixed: "Die flinke Füchsin springt über den trägen Hund, und niemand im Städtchen wunderte sich. ",
};

for (const [text, sentence] of Object.entries(SENTENCES)) {
  for (const size of [2 * 1024, 32 * 1024, 1024 * 1024]) {
    const body = chatBody(size, sentence);
    const bench = new Bench({ time: 400, warmupTime: 150 });
    bench.add("locateFields", () => void locateFields(body, WANTED));
    bench.add("readOpenAiBody", () => void readOpenAiBody(body, "/v1/chat/completions"));
    bench.add("JSON.parse(body.toString())", () => void JSON.parse(body.toString()));
    await bench.run();
    for (const task of bench.tasks) {
      const { result } = task;
      if (!("latency" in result)) throw new Error(`${task.name} did not finish`);
      const micros = (1000 * result.latency.p50).toFixed(1);
      console.log(`${text} ${String(body.length).padStart(8)} B  ${task.name.padEnd(28)} ${micros.padStart(9)} µs`);
    }
  }
}
