import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { FrameReader, type FrameSink } from "../src/transport/native/frame-reader.ts";
import { FrameWriter } from "../src/transport/native/frame-writer.ts";
import { GrpcFault, MessageAssembler } from "../src/transport/native/grpc-framing.ts";
import { parseGrpcTimeout } from "../src/transport/native/grpc-timeout.ts";
import { FLAG, PREFACE } from "../src/transport/native/http2.ts";
import { trailers } from "../src/transport/native/replies.ts";
import { data, fieldsOf, frame, message, parseFrames } from "./http2-frames.ts";

/** Cuts bytes at the given places, as reads of a socket do. */
function pieces(bytes: Buffer, cuts: readonly number[]): Buffer[] {
  const places = [0, ...cuts.map((cut) => cut % (bytes.length + 1)).sort((a, b) => a - b), bytes.length];
  return places.slice(1).map((end, i) => bytes.subarray(places[i], end));
}

/** Reads the pieces, each from a buffer that is overwritten afterwards, and tells what came. */
function readAll(input: readonly Buffer[]): string[] {
  const events: string[] = [];
  let content = "";
  const sink: FrameSink = {
    open: true,
    frame: (type, flags, id, bytes, start, end) =>
      events.push(`${type} ${flags} ${id} ${bytes.toString("hex", start, end)}`),
    dataStart: (flags, id, length) => {
      content = `DATA ${flags} ${id} ${length} `;
    },
    data: (bytes, start, end) => {
      content += bytes.toString("hex", start, end);
    },
    dataEnd: () => events.push(content),
  };
  const reader = new FrameReader(sink);
  const reused = Buffer.alloc(70_000);
  for (const piece of input) {
    piece.copy(reused);
    reader.read(reused.subarray(0, piece.length));
    reused.fill(0xff);
  }
  return events;
}

const anyFrame = fc.oneof(
  fc
    .tuple(
      fc.integer({ min: 1, max: 12 }),
      fc.integer({ min: 0, max: 255 }),
      fc.nat(9),
      fc.uint8Array({ maxLength: 40 }),
    )
    .map(([type, flags, id, payload]) => frame(type, flags, id, payload)),
  fc.tuple(fc.nat(1), fc.nat(9), fc.uint8Array({ maxLength: 40 })).map(([end, id, bytes]) => data(id, bytes, end)),
  fc
    .tuple(fc.nat(9), fc.uint8Array({ maxLength: 20 }), fc.nat(255))
    .map(([id, bytes, padding]) => data(id, Buffer.concat([Buffer.of(padding), bytes, Buffer.alloc(padding)]), 8)),
);

describe("the frame reader", () => {
  it("reads the same frames however the bytes are cut", () => {
    fc.assert(
      fc.property(
        fc.array(anyFrame, { minLength: 1, maxLength: 8 }),
        fc.array(fc.nat(), { maxLength: 12 }),
        (frames, cuts) => {
          const bytes = Buffer.concat([PREFACE, ...frames]);
          const whole = readAll([bytes]);
          expect(whole).toHaveLength(frames.length);
          expect(readAll(pieces(bytes, cuts))).toEqual(whole);
          expect(readAll(Array.from(bytes, (byte) => Buffer.of(byte)))).toEqual(whole);
        },
      ),
      { numRuns: 150 },
    );
  });

  it("passes on the content of DATA without its padding", () => {
    expect(readAll([PREFACE, data(1, Buffer.from("02616200ff", "hex"), FLAG.PADDED)])).toEqual(["DATA 8 1 5 6162"]);
  });

  it.each([
    ["another protocol", Buffer.from("GET / HTTP/1.1\r\n"), /preface/],
    ["a frame above 16 KiB", Buffer.concat([PREFACE, Buffer.of(0, 0x40, 1)]), undefined],
    [
      "the header of a frame above 16 KiB",
      Buffer.concat([PREFACE, Buffer.of(0, 0x40, 1, 0, 0, 0, 0, 0, 1)]),
      /FRAME_SIZE/,
    ],
    ["padding that is longer than DATA", Buffer.concat([PREFACE, data(1, Buffer.of(5, 1), FLAG.PADDED)]), /padding/],
    ["padding without its length", Buffer.concat([PREFACE, data(1, Buffer.alloc(0), FLAG.PADDED)]), /FRAME_SIZE/],
  ])("meets %s as it should", (_, bytes, fault) => {
    if (fault === undefined) expect(readAll([bytes])).toEqual([]);
    else expect(() => readAll([bytes])).toThrow(fault);
  });
});

describe("the frame writer", () => {
  /** A socket that holds what it was given until `takeAll`. */
  function slowSink() {
    const held: Buffer[] = [];
    let taken = Buffer.alloc(0);
    return {
      writableLength: 0,
      write(bytes: Buffer) {
        held.push(bytes);
        this.writableLength += bytes.length;
      },
      takeAll() {
        taken = Buffer.concat([taken, ...held.splice(0)]);
        this.writableLength = 0;
        return taken;
      },
    };
  }

  it("never writes over bytes that the socket still holds", () => {
    const sink = slowSink();
    const writer = new FrameWriter(sink, () => {});
    const expected: Buffer[] = [];
    for (let i = 0; i < 400; i++) {
      const content = Buffer.alloc(1 + ((i * 7919) % 16_000), i);
      writer.message(1, content);
      expected.push(content);
      if (i % 3 === 0) writer.flush();
      if (i % 50 === 49) sink.takeAll();
    }
    writer.flush();
    const { frames, rest } = parseFrames(sink.takeAll());
    expect(rest).toHaveLength(0);
    expect(frames).toHaveLength(400);
    frames.forEach(({ payload }, i) => {
      expect(payload.subarray(5).equals(expected[i]!)).toBe(true);
    });
  });

  it("asks once per batch to be flushed", () => {
    let asked = 0;
    const writer = new FrameWriter(slowSink(), () => asked++);
    for (let i = 0; i < 3; i++) {
      writer.settingsAck();
      writer.settingsAck();
      writer.flush();
      expect(asked).toBe(i + 1);
    }
  });
});

describe("the assembly of gRPC messages", () => {
  function assemble(input: readonly Buffer[], maxBytes = 1 << 26): Buffer[] {
    const assembler = new MessageAssembler(maxBytes);
    const messages: Buffer[] = [];
    for (const bytes of input) {
      const reused = Buffer.from(bytes);
      for (let at = 0; ; at = assembler.position) {
        const found = assembler.take(reused, at, reused.length);
        if (found === undefined) break;
        messages.push(found as Buffer);
      }
      reused.fill(0xff);
    }
    expect(assembler.midMessage).toBe(false);
    return messages;
  }

  it("puts messages together however they are cut, and owns their bytes", () => {
    const content = fc.uint8Array({ maxLength: 50 });
    fc.assert(
      fc.property(fc.array(content, { maxLength: 6 }), fc.array(fc.nat(), { maxLength: 20 }), (contents, cuts) => {
        const bytes = Buffer.concat(contents.map((each) => message(each)));
        const expected = contents.map((each) => Buffer.from(each));
        expect(assemble(pieces(bytes, cuts))).toEqual(expected);
        expect(assemble(Array.from(bytes, (byte) => Buffer.of(byte)))).toEqual(expected);
      }),
    );
  });

  it("grows with what has come, not with what was announced", () => {
    const content = Buffer.alloc(5 << 20, 7);
    const bytes = message(content);
    const [whole] = assemble(Array.from({ length: 321 }, (_, i) => bytes.subarray(i << 14, (i + 1) << 14)));
    expect(whole!.equals(content)).toBe(true);
    const announced = new MessageAssembler(1 << 30);
    const before = process.memoryUsage().arrayBuffers;
    announced.take(Buffer.from("003fffffff00", "hex"), 0, 6);
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(1 << 20);
  });

  it.each([
    ["larger than allowed", message(Buffer.alloc(11)), 8],
    ["compressed", message("x", 1), 12],
    ["marked with an unknown flag", message("x", 2), 13],
  ])("refuses a message that is %s", (_, bytes, code) => {
    try {
      assemble([bytes], 10);
      expect.unreachable();
    } catch (error) {
      expect(error).toBeInstanceOf(GrpcFault);
      expect((error as GrpcFault).status.code).toBe(code);
    }
  });
});

describe("grpc-timeout", () => {
  it.each([
    ["2H", 7_200_000],
    ["3M", 180_000],
    ["10S", 10_000],
    ["250m", 250],
    ["1500u", 2],
    ["1n", 1],
    ["99999999H", 99_999_999 * 3_600_000],
    ["0m", 0],
    ["100000000m", undefined],
    ["5", undefined],
    ["-5m", undefined],
    ["5s", undefined],
    ["", undefined],
  ])("%j is %j ms", (text, milliseconds) => {
    expect(parseGrpcTimeout(text)).toBe(milliseconds);
  });
});

describe("trailers", () => {
  it("carry status and message, percent-encoded, behind messages or as the whole answer", () => {
    const status = { code: 3, message: " 100 % schön\r\n" };
    expect(fieldsOf(trailers(status, true))).toMatchObject({
      "grpc-status": "3",
      "grpc-message": "100 %25 sch%C3%B6n",
    });
    expect(fieldsOf(trailers(status, false))).toMatchObject({ ":status": "200", "grpc-status": "3" });
    expect(fieldsOf(trailers(undefined, true))).toEqual({ "grpc-status": "0" });
    expect(fieldsOf(trailers(undefined, false))).toEqual({
      ":status": "200",
      "content-type": "application/grpc",
      "grpc-status": "0",
    });
  });

  it("are never larger than a frame", () => {
    expect(trailers({ code: 2, message: "ü".repeat(100_000) }, false).length).toBeLessThan(16_384);
  });
});
