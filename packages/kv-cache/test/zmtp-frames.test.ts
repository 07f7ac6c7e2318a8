import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { encodeFrame, encodeMessage, FrameParser, ZmtpError } from "../src/index.ts";

describe("frames", () => {
  it("come out whole however the bytes were split", () => {
    const frame = fc.record({
      body: fc.oneof(fc.uint8Array({ maxLength: 5 }), fc.uint8Array({ minLength: 250, maxLength: 600 })),
      more: fc.boolean(),
      command: fc.boolean(),
    });
    fc.assert(
      fc.property(
        fc.array(frame, { maxLength: 8 }),
        fc.array(fc.integer({ min: 1, max: 300 }), { minLength: 1 }),
        (frames, cuts) => {
          const bytes = Buffer.concat(frames.map(({ body, more, command }) => encodeFrame(body, more, command)));
          const seen: unknown[] = [];
          const parser = new FrameParser(1_000, (body, more, command) => {
            seen.push({ body: Uint8Array.from(body), more, command });
          });
          for (let at = 0, i = 0; at < bytes.length; i += 1) {
            const length = cuts[i % cuts.length]!;
            parser.push(bytes.subarray(at, at + length));
            at += length;
          }
          expect(seen).toEqual(
            frames.map(({ body, more, command }) => ({ body: Uint8Array.from(body), more, command })),
          );
        },
      ),
      { numRuns: 500 },
    );
  });

  it("have the bytes that RFC 23 gives them", () => {
    expect(encodeMessage([Buffer.from("kv@"), Buffer.alloc(0), Buffer.alloc(256, 7)]).toString("hex")).toBe(
      `01036b7640010002${"0000000000000100"}${"07".repeat(256)}`,
    );
    expect(encodeFrame(Buffer.from("ab"), false, true).toString("hex")).toBe("04026162");
  });

  it("that are too long or have unknown flags are refused before anything is stored", () => {
    const parser = (): FrameParser => new FrameParser(1_000, () => {});
    expect(() => parser().push(Buffer.from("02ffffffffffffffff", "hex"))).toThrow(ZmtpError);
    expect(() => parser().push(Buffer.from("020000000000000400", "hex"))).toThrow(/1024 bytes is longer than 1000/);
    expect(() => parser().push(Buffer.from("ff01", "hex"))).toThrow(/flags 0xff/);
  });
});
