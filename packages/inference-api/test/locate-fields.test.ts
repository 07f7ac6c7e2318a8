import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { defineFields, isJsonFault, locateFields, MAX_JSON_DEPTH, rawText } from "../src/index.ts";

const WANTED = defineFields("a", "b", "a.x", "a.x.y", "é");
const PATHS = ["a", "b", "a.x", "a.x.y", "é"] as const;

/** Bytes at an odd address between foreign quotes and control characters, which must not be looked at. */
function unaligned(bytes: Uint8Array, shift: number): Uint8Array {
  const memory = Buffer.alloc(bytes.length + 16, shift % 2 === 0 ? 0x22 : 0x01);
  memory.set(bytes, shift);
  return memory.subarray(shift, shift + bytes.length);
}

function parsedOrFault(text: string): { value: unknown } | "fault" {
  try {
    return { value: JSON.parse(text) };
  } catch {
    return "fault";
  }
}

function valueAt(value: unknown, path: string): unknown {
  return path
    .split(".")
    .reduce<unknown>(
      (outer, name) =>
        typeof outer === "object" && outer !== null && !Array.isArray(outer) && Object.hasOwn(outer, name)
          ? (outer as Record<string, unknown>)[name]
          : undefined,
      value,
    );
}

/** The scanner and JSON.parse agree on whether this is JSON, and on every wanted value. */
function expectAgreement(text: string, shift = 0): void {
  const body = unaligned(Buffer.from(text), shift);
  const expected = parsedOrFault(text);
  const located = locateFields(body, WANTED);
  if (expected === "fault" || isJsonFault(located)) {
    expect(isJsonFault(located), text).toBe(expected === "fault");
    return;
  }
  expect(JSON.parse(rawText(body, located.root))).toEqual(expected.value);
  for (const path of PATHS) {
    const span = located.span(path);
    expect(span === undefined ? undefined : JSON.parse(rawText(body, span)), `${path} of ${text}`).toEqual(
      valueAt(expected.value, path),
    );
  }
}

/** JSON text with duplicate names, escaped names, odd blanks and every spelling of numbers. */
const blank = fc.constantFrom("", "", "", " ", "\n", "\r\n\t");
const spelledString = fc
  .array(
    fc.oneof(
      {
        weight: 6,
        arbitrary: fc.string({ unit: "grapheme", maxLength: 12 }).map((s) => JSON.stringify(s).slice(1, -1)),
      },
      {
        weight: 3,
        arbitrary: fc.constantFrom("\\n", '\\"', "\\\\", "\\/", "\\ud800", "\\uD83D\\uDE00", "\\u0000", "x".repeat(50)),
      },
    ),
    { maxLength: 5 },
  )
  .map((parts) => `"${parts.join("")}"`);
const name = fc.oneof(
  fc.constantFrom('"a"', '"b"', '"x"', '"y"', '"\\u0061"', '"\\u0078"', '"é"', '"\\u00e9"', '"a.x"'),
  spelledString,
);
const { document } = fc.letrec<{ document: string; value: string; object: string; array: string }>((tie) => ({
  document: fc.tuple(blank, tie("value"), blank).map((parts) => parts.join("")),
  value: fc.oneof(
    { maxDepth: 4, depthSize: "small" },
    spelledString,
    fc.constantFrom("0", "-0", "1", "-12.5e+3", "1E400", "9007199254740993", "0.1e-7", "true", "false", "null"),
    tie("object"),
    tie("object"),
    tie("array"),
  ),
  object: fc
    .array(fc.tuple(blank, name, blank, tie("value"), blank), { maxLength: 5 })
    .map((members) => `{${members.map(([a, n, b, v, c]) => `${a}${n}${b}:${b}${v}${c}`).join(",")}}`),
  array: fc
    .array(fc.tuple(blank, tie("value"), blank), { maxLength: 4 })
    .map((items) => `[${items.map((i) => i.join("")).join(",")}]`),
}));

const junk = fc.constantFrom(
  '"',
  "\\",
  "{",
  "}",
  "[",
  "]",
  ",",
  ":",
  "0",
  "-",
  ".",
  "e",
  "t",
  " ",
  "\u0001",
  "\ufeff",
  "é",
  "\u2028",
  "\\u12",
);

describe("locateFields against JSON.parse", () => {
  it("finds the same values in every valid document, at any alignment", () => {
    fc.assert(fc.property(document, fc.nat(3), expectAgreement), { numRuns: 1500 });
  });

  it("accepts and refuses the same mutated documents", () => {
    const mutated = fc
      .tuple(document, fc.nat(), fc.nat(4), fc.oneof(junk, fc.constant("")))
      .map(([text, at, cut, put]) => {
        const place = at % (text.length + 1);
        // A cut surrogate pair becomes U+FFFD, as in bytes.
        return Buffer.from(text.slice(0, place) + put + text.slice(place + cut)).toString();
      });
    fc.assert(fc.property(mutated, fc.nat(3), expectAgreement), { numRuns: 2500 });
  });

  it("agrees on soups of JSON characters", () => {
    fc.assert(
      fc.property(
        fc.array(junk, { maxLength: 12 }).map((parts) => parts.join("")),
        (text) => expectAgreement(text),
      ),
      { numRuns: 2000 },
    );
  });

  it.each([
    "",
    " ",
    "01",
    "-",
    "1.",
    ".5",
    "1e",
    "1e+",
    "+1",
    "--1",
    "tru",
    "trues",
    "nul",
    '"',
    '"\\',
    '"\\u12',
    '"\\u12G4"',
    '"\\x"',
    '"a\tb"',
    '"\u007f"',
    "{",
    '{"a"',
    '{"a":',
    '{"a":1',
    '{"a":1,',
    '{"a":1,}',
    "{,}",
    "[1,]",
    "[,1]",
    "[1 2]",
    "{a:1}",
    "'a'",
    "1 1",
    "[]]",
    "\ufeff{}",
    "\u00a01",
    "NaN",
    "Infinity",
    '{"__proto__":1,"a":2}',
    '{"":{"a":1},"a":{"":1}}',
  ])("agrees on %j", (text) => {
    for (const shift of [0, 1, 2, 3]) expectAgreement(text, shift);
  });

  it("lets a repeated member replace the earlier one with everything in it", () => {
    for (const text of [
      '{"a":{"x":1},"a":{}}',
      '{"a":{"x":1},"a":2}',
      '{"a":{"x":{"y":1},"x":3}}',
      '{"a":1,"\\u0061":{"x":5}}',
    ]) {
      expectAgreement(text);
    }
  });

  it("finds every single byte that may not stand in a string, wherever it stands", () => {
    for (let length = 0; length < 12; length++) {
      for (let byte = 0; byte < 0x80; byte++) {
        for (const shift of [0, 3])
          expectAgreement(`["${"x".repeat(length)}${String.fromCharCode(byte)}yyyyy"]`, shift);
      }
    }
  });
});

describe("a fault", () => {
  const fault = (body: string | Uint8Array) => {
    const located = locateFields(typeof body === "string" ? Buffer.from(body) : body, WANTED);
    return isJsonFault(located) ? located : undefined;
  };

  it("says in words what is wrong and at which byte", () => {
    expect(fault('{"model":"x","a":')).toEqual({ offset: 17, message: "unexpected end of JSON at byte 17" });
    expect(fault("no healthy upstream")?.message).toBe("unexpected character 'o' at byte 1");
    expect(fault('{"a" 1}')?.message).toBe("unexpected character '1' instead of ':' at byte 5");
    expect(fault("[1;2]")?.message).toBe("unexpected character ';' instead of ',' or ']' at byte 2");
    expect(fault("{a:1}")?.message).toBe("unexpected character 'a' instead of a property name in quotes at byte 1");
    expect(fault("{} x")?.message).toBe("unexpected character 'x' after the JSON value at byte 3");
    expect(fault("\ufeff{}")?.message).toBe("unexpected byte order mark at byte 0");
    expect(fault('"é\u0001"')?.message).toBe("unescaped control character in a string at byte 3");
  });

  it("is what a document nested too deeply gives, however deep, and one at the limit does not", () => {
    const nested = (depth: number) => "[".repeat(depth) + "]".repeat(depth);
    expect(fault(nested(MAX_JSON_DEPTH))).toBeUndefined();
    expect(fault(nested(MAX_JSON_DEPTH + 1))?.message).toBe("more than 512 nested arrays and objects at byte 512");
    expect(fault('{"a":'.repeat(1_000_000))?.offset).toBe(5 * 512);
  });

  it("names the first byte that is not UTF-8, which decoding would silently replace", () => {
    const sequences = [
      [0xff],
      [0xc3],
      [0xe2, 0x82],
      [0xc0, 0xaf],
      [0xed, 0xa0, 0x80],
      [0xf5, 0x80, 0x80, 0x80],
      [0x80],
      [0x80, 0x80, 0x80, 0x80],
    ];
    for (const sequence of sequences) {
      for (const before of ["", "é", "é".repeat(40), "😀".repeat(33), "x".repeat(101)]) {
        const good = Buffer.from(`"${before}`);
        const body = Buffer.concat([good, Buffer.from(sequence), Buffer.from('text after it"')]);
        expect(fault(body)).toEqual({ offset: good.length, message: `invalid UTF-8 at byte ${good.length}` });
      }
    }
  });
});
