import fc from "fast-check";
import { expect, it } from "vitest";
import { ApiError } from "../src/formats/api-error.ts";
import { createGeneratedText, planOutput } from "../src/formats/generated-text.ts";
import type { CallContext } from "../src/formats/inference-call.ts";
import { tokenize } from "../src/formats/tokens.ts";
import { inferenceRoutes } from "../src/http/routes.ts";

const context: CallContext = {
  id: "id",
  created: 0,
  fingerprint: "sim",
  embeddingDimensions: 4,
  seed: 0,
  defaultModel: "m",
  planOutput: (_promptTokens, { limit }) => planOutput({ limit, minTokens: undefined, ignoreEos: false }, 4, 100),
};

/** Fits every route; the test breaks some of its fields. */
const sound = {
  model: "m",
  messages: [{ role: "user", content: "x" }],
  prompt: "x",
  input: "x",
  token_ids: [1],
  max_tokens: 3,
};
const fields = [...Object.keys(sound), "sampling_params", "stream", "stream_options", "n", "system", "instructions"];
fields.push("tools", "cache_salt", "dimensions", "encoding_format", "temperature", "max_completion_tokens");

it.each([...inferenceRoutes.keys()])("%s either understands a body or says what is wrong with it", (path) => {
  const route = inferenceRoutes.get(path)!;
  const part = fc.record({
    role: fc.constant("user"),
    type: fc.constant("text"),
    text: fc.string(),
    content: fc.string(),
  });
  const value = fc.oneof(
    fc.jsonValue(),
    fc.constant("m"),
    fc.nat(50),
    fc.boolean(),
    fc.array(part),
    fc.array(fc.nat(9)),
  );
  const broken = fc.dictionary(fc.constantFrom(...fields), value, { maxKeys: 3 });
  const body = fc.oneof(
    { weight: 5, arbitrary: broken.map((object) => JSON.stringify({ ...sound, ...object })) },
    { weight: 1, arbitrary: fc.string() },
  );
  let understood = 0;
  fc.assert(
    fc.property(body, (text) => {
      let call: ReturnType<typeof route.parse>;
      try {
        call = route.parse(
          Buffer.from(text),
          path.startsWith("/v1/audio") ? "multipart/form-data; boundary=x" : "",
          context,
        );
      } catch (error) {
        expect(error).toBeInstanceOf(ApiError);
        return;
      }
      understood++;
      const outputs = [createGeneratedText(1, 0, call.outputTokens, call.finish)];
      const usage = { promptTokens: call.prompt.length, cachedTokens: 0, outputTokens: call.outputTokens };
      expect(JSON.parse(JSON.stringify(call.answer.body(outputs, usage)))).toBeTypeOf("object");
      let events = call.answer.open(outputs, usage);
      for (let i = 0; i < call.outputTokens; i++) events += call.answer.token(outputs[0]!, i);
      events += call.answer.close(outputs, usage);
      for (const line of events.split("\n")) {
        if (line.startsWith("data: ") && line !== "data: [DONE]") JSON.parse(line.slice(6));
      }
    }),
    { numRuns: 300, seed: 7 },
  );
  expect(understood).toBeGreaterThan(50);
});

it("a generated text has four bytes per token, ends in a full stop if it ends by itself, and is stable", () => {
  fc.assert(
    fc.property(
      fc.nat(),
      fc.integer({ min: 1, max: 200 }),
      fc.constantFrom("stop" as const, "length" as const),
      (seed, length, finish) => {
        const output = createGeneratedText(seed, 0, length, finish);
        expect(output.tokens()).toHaveLength(length);
        expect(tokenize(output.piece(length - 1))[0]).toBe(output.tokens()[length - 1]);
        expect(output.text().endsWith(".")).toBe(finish === "stop");
        expect(createGeneratedText(seed, 0, length, finish).text()).toBe(output.text());
      },
    ),
  );
});
