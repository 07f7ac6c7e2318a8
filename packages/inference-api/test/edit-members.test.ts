import { describe, expect, it } from "vitest";
import { editMembers, isJsonFault, listMembers, locateObject } from "../src/index.ts";

function edited(text: string, edits: Readonly<Record<string, unknown>>): string {
  const body = Buffer.from(text);
  const span = locateObject(body);
  if (isJsonFault(span)) throw new Error(span.message);
  const texts = Object.entries(edits).map(
    ([name, value]) => [name, value === undefined ? undefined : Buffer.from(JSON.stringify(value))] as const,
  );
  return Buffer.from(editMembers(body, span, listMembers(body, span), new Map(texts))).toString();
}

describe("editing members of an object", () => {
  it("replaces in place and keeps every other byte", () => {
    const text = ' { "seed" : 9007199254740993,\n "max_tokens":  50 , "é":"\\u00e9", "n":1.0e0 }\n';
    expect(edited(text, { max_tokens: 1 })).toBe(text.replace("50", "1"));
  });

  it("adds behind all others, also to an empty object", () => {
    expect(edited('{"a":1 }', { b: null, c: [2] })).toBe('{"a":1,"b":null,"c":[2] }');
    expect(edited("{ }", { b: 1, c: 2 })).toBe('{"b":1,"c":2 }');
  });

  it("removes the first, a middle, the last and the only member", () => {
    const text = '{"a":1, "b":{"a":2}, "c":[3]}';
    expect(edited(text, { a: undefined })).toBe('{"b":{"a":2}, "c":[3]}');
    expect(edited(text, { b: undefined })).toBe('{"a":1, "c":[3]}');
    expect(edited(text, { c: undefined })).toBe('{"a":1, "b":{"a":2}}');
    expect(edited('{"a":1}', { a: undefined })).toBe("{}");
    expect(edited(text, { a: undefined, b: undefined, c: undefined, d: 4 })).toBe('{"d":4}');
  });

  it("leaves one of repeated members, and knows names however they are written", () => {
    expect(edited('{"a":1,"b":2,"\\u0061":3}', { a: 9 })).toBe('{"b":2,"\\u0061":9}');
    expect(edited('{"a":1,"b":2,"a":3}', { a: undefined })).toBe('{"b":2}');
  });

  it("looks at the top level only", () => {
    expect(edited('{"x":{"a":1},"y":"{\\"a\\":1}"}', { a: 2 })).toBe('{"x":{"a":1},"y":"{\\"a\\":1}","a":2}');
  });

  it("refuses what is no object", () => {
    for (const text of ["[]", "1", "", '{"a":', "not json"]) {
      expect(isJsonFault(locateObject(Buffer.from(text))), text).toBe(true);
    }
  });
});
