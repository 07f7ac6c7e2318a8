import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ChatTemplate, parseExactJson, readPromptInput } from "../src/index.ts";
import { restoreNumbers } from "../src/requests/exact-json.ts";

/** What `{{ tools | tojson }}` makes of a number in a tool definition. */
function rendered(number: string): string {
  const body = parseExactJson(`{"messages":[],"tools":[{"function":{"name":"f","parameters":{"x":${number}}}}]}`);
  const input = readPromptInput("openai-chat", body);
  if (input.kind !== "chat") throw new Error("no conversation");
  const template = new ChatTemplate({
    config: { chat_template: "{{ tools[0].function.parameters | tojson }}" },
    jinja: undefined,
  });
  return template.render(input.chat);
}

describe("a number in a body", () => {
  // Written by Python 3's json.dumps(json.loads(…)).
  it.each([
    ["1", "1"],
    ["1.0", "1.0"],
    ["-0", "0"],
    ["-0.0", "-0.0"],
    ["1.50", "1.5"],
    ["1e5", "100000.0"],
    ["1E+2", "100.0"],
    ["1e16", "1e+16"],
    ["1e15", "1000000000000000.0"],
    ["1.5e-7", "1.5e-07"],
    ["0.00001", "1e-05"],
    ["0.00012345", "0.00012345"],
    ["12345678901234567890", "12345678901234567890"],
    ["123456789012345678.0", "1.2345678901234568e+17"],
    ["1e400", "Infinity"],
    ["5e-324", "5e-324"],
  ])("%s is written as Python writes it: %s", (json, python) => {
    expect(rendered(json)).toBe(`{"x": ${python}}`);
  });

  it("in the arguments of a tool call is kept too", () => {
    const call = { function: { name: "f", arguments: '{"x": 2.0}' } };
    const template =
      "{{ messages[0].tool_calls[0].function.arguments | tojson }} {{ messages[0].tool_calls[0].function.arguments.x }}";
    const chat = { messages: [{ role: "assistant", content: "", tool_calls: [call] }] };
    expect(new ChatTemplate({ config: { chat_template: template }, jinja: undefined }).render(chat)).toBe(
      '{"x": 2.0} 2.0',
    );
  });
});

it("everything but such numbers is parsed as JSON.parse does", () => {
  fc.assert(
    fc.property(fc.jsonValue(), fc.string(), (value, text) => {
      const json = JSON.stringify([value, text, "1.0", '\\"2.0', `${text}\\`, 1.5]);
      expect(JSON.parse(restoreNumbers(JSON.stringify(parseExactJson(json))))).toEqual(JSON.parse(json));
    }),
  );
});

it("long strings, many quotes and many backslashes take linear time", () => {
  for (const text of ["1.0 ".repeat(1_000_000), '"1.0'.repeat(500_000), "\\".repeat(1_000_000)]) {
    const json = JSON.stringify({ text, n: 1 });
    expect(parseExactJson(json)).toEqual({ text, n: 1 });
  }
});

it("what is no JSON is refused", () => {
  for (const text of ["", "{", "1.0.0", '{"a":1.0', "[1e5,]"]) expect(() => parseExactJson(text)).toThrow(SyntaxError);
});
