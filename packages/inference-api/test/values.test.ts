import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { kindAt, rawBytes, readBoolean, readNumber, readString, setTopLevelField, spliceModel } from "../src/index.ts";

const all = (text: string) => {
  const body = new Uint8Array(Buffer.from(text));
  return { body, span: { start: 0, end: body.length } };
};

describe("values at a span", () => {
  it("reads strings, numbers and booleans as JSON.parse does, and other kinds as undefined", () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const { body, span } = all(JSON.stringify(value));
        const expected: unknown = JSON.parse(JSON.stringify(value));
        expect(readString(body, span)).toBe(typeof expected === "string" ? expected : undefined);
        expect(readNumber(body, span)).toBe(typeof expected === "number" ? expected : undefined);
        expect(readBoolean(body, span)).toBe(typeof expected === "boolean" ? expected : undefined);
        expect(kindAt(body, 0)).toBe(
          expected === null ? "null" : Array.isArray(expected) ? "array" : (typeof expected as "string"),
        );
      }),
      { numRuns: 500 },
    );
  });

  it("decodes escapes, surrogate pairs and lone surrogates", () => {
    const { body, span } = all('"a\\/\\u00e9\\ud83d\\ude00\\ud800é"');
    expect(readString(body, span)).toBe("a/é😀\ud800é");
  });

  it("gives raw bytes as a view", () => {
    const { body } = all('{"a":12}');
    expect(rawBytes(body, { start: 5, end: 7 }).buffer).toBe(body.buffer);
  });
});

const text = (bytes: Uint8Array | object) => (bytes instanceof Uint8Array ? Buffer.from(bytes).toString() : bytes);

describe("splicing", () => {
  it("changes only the model string (M16)", () => {
    const body = Buffer.from('{"model":"a","seed":9007199254740993,"temperature":1.0}');
    expect(text(spliceModel(body, { start: 9, end: 12 }, "bb"))).toBe(
      '{"model":"bb","seed":9007199254740993,"temperature":1.0}',
    );
    expect(text(spliceModel(body, { start: 9, end: 12 }, 'é"\n'))).toBe(
      '{"model":"é\\"\\n","seed":9007199254740993,"temperature":1.0}',
    );
  });

  it("adds a member behind the others (M06), whatever blanks there are", () => {
    const set = (body: string) => text(setTopLevelField(Buffer.from(body), "new_key", "new_value"));
    expect(set('{"seed":9007199254740993}')).toBe('{"seed":9007199254740993,"new_key":"new_value"}');
    expect(set(' {"a":{} \n}\n')).toBe(' {"a":{},"new_key":"new_value" \n}\n');
    expect(set("{}")).toBe('{"new_key":"new_value"}');
    expect(set(" { \n } ")).toBe(' {"new_key":"new_value" \n } ');
  });

  it("replaces a member where it stands, of duplicates the one that counts", () => {
    const set = (body: string) => text(setTopLevelField(Buffer.from(body), "max.tokens", 1));
    expect(set('{"max.tokens" : 1e9 , "x":1.0}')).toBe('{"max.tokens" : 1 , "x":1.0}');
    expect(set('{"max.tokens":2,"max\\u002etokens":{"a":[]}}')).toBe('{"max.tokens":2,"max\\u002etokens":1}');
  });

  it("gives a document that differs in that member alone", () => {
    fc.assert(
      fc.property(
        fc.dictionary(fc.string({ maxLength: 3 }), fc.jsonValue()),
        fc.string({ maxLength: 3 }),
        fc.jsonValue(),
        (object, name, value) => {
          fc.pre(name !== "__proto__" && !Object.hasOwn(object, "__proto__"));
          const plain = JSON.parse(JSON.stringify(object)) as Record<string, unknown>;
          const changed = setTopLevelField(Buffer.from(JSON.stringify(plain)), name, JSON.parse(JSON.stringify(value)));
          expect(JSON.parse(String(text(changed)))).toEqual({
            ...plain,
            [name]: JSON.parse(JSON.stringify(value)) as unknown,
          });
        },
      ),
      { numRuns: 300 },
    );
  });

  it("refuses a body that is not a JSON object", () => {
    expect(setTopLevelField(Buffer.from("[1]"), "a", 1)).toEqual({ offset: 0, message: "not a JSON object at byte 0" });
    expect(setTopLevelField(Buffer.from("{"), "a", 1)).toEqual({
      offset: 1,
      message: "unexpected end of JSON at byte 1",
    });
  });
});
