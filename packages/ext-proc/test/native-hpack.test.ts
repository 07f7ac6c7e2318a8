import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { HpackDecoder } from "../src/transport/native/hpack/decoder.ts";
import { encodeHeaderBlock } from "../src/transport/native/hpack/encoder.ts";
import { Http2Fault } from "../src/transport/native/http2-fault.ts";

const hex = (text: string) => Buffer.from(text.replaceAll(" ", ""), "hex");

function decode(decoder: HpackDecoder, block: Buffer): string[] {
  const fields: string[] = [];
  decoder.decode(block, 0, block.length, {
    field: (name, value, wellFormed) => fields.push(`${name}: ${value}${wellFormed ? "" : " (malformed)"}`),
  });
  return fields;
}

const first = [":method: GET", ":scheme: http", ":path: /", ":authority: www.example.com"];
const second = [...first, "cache-control: no-cache"];
const third = [":method: GET", ":scheme: https", ":path: /index.html", first[3]!, "custom-key: custom-value"];
const common = ["cache-control: private", "date: Mon, 21 Oct 2013 20:13:21 GMT", "location: https://www.example.com"];
const last = [
  ":status: 200",
  "cache-control: private",
  "date: Mon, 21 Oct 2013 20:13:22 GMT",
  "location: https://www.example.com",
  "content-encoding: gzip",
  "set-cookie: foo=ASDJKHQKBZXOQWEOPIUAXQWEOIU; max-age=3600; version=1",
];

/** RFC 7541, Appendix C: the blocks of one connection each. C.5 and C.6 assume a table of 256 bytes, which is said first. */
const TABLE_OF_256 = "3f e1 01";
const vectors: readonly (readonly [section: string, blocks: readonly (readonly [string, readonly string[]])[]])[] = [
  ["C.2.1", [["400a 6375 7374 6f6d 2d6b 6579 0d63 7573 746f 6d2d 6865 6164 6572", ["custom-key: custom-header"]]]],
  ["C.2.2", [["040c 2f73 616d 706c 652f 7061 7468", [":path: /sample/path"]]]],
  ["C.2.3", [["1008 7061 7373 776f 7264 0673 6563 7265 74", ["password: secret"]]]],
  ["C.2.4", [["82", [":method: GET"]]]],
  [
    "C.3",
    [
      ["8286 8441 0f77 7777 2e65 7861 6d70 6c65 2e63 6f6d", first],
      ["8286 84be 5808 6e6f 2d63 6163 6865", second],
      ["8287 85bf 400a 6375 7374 6f6d 2d6b 6579 0c63 7573 746f 6d2d 7661 6c75 65", third],
    ],
  ],
  [
    "C.4",
    [
      ["8286 8441 8cf1 e3c2 e5f2 3a6b a0ab 90f4 ff", first],
      ["8286 84be 5886 a8eb 1064 9cbf", second],
      ["8287 85bf 4088 25a8 49e9 5ba9 7d7f 8925 a849 e95b b8e8 b4bf", third],
    ],
  ],
  [
    "C.5",
    [
      [
        `${TABLE_OF_256} 4803 3330 3258 0770 7269 7661 7465 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a
         3133 3a32 3120 474d 546e 1768 7474 7073 3a2f 2f77 7777 2e65 7861 6d70 6c65 2e63 6f6d`,
        [":status: 302", ...common],
      ],
      ["4803 3330 37c1 c0bf", [":status: 307", ...common]],
      [
        `88c1 611d 4d6f 6e2c 2032 3120 4f63 7420 3230 3133 2032 303a 3133 3a32 3220 474d 54c0 5a04 677a 6970 7738 666f
         6f3d 4153 444a 4b48 514b 425a 584f 5157 454f 5049 5541 5851 5745 4f49 553b 206d 6178 2d61 6765 3d33 3630 303b
         2076 6572 7369 6f6e 3d31`,
        last,
      ],
    ],
  ],
  [
    "C.6",
    [
      [
        `${TABLE_OF_256} 4882 6402 5885 aec3 771a 4b61 96d0 7abe 9410 54d4 44a8 2005 9504 0b81 66e0 82a6 2d1b ff6e 919d
         29ad 1718 63c7 8f0b 97c8 e9ae 82ae 43d3`,
        [":status: 302", ...common],
      ],
      ["4883 640e ffc1 c0bf", [":status: 307", ...common]],
      [
        `88c1 6196 d07a be94 1054 d444 a820 0595 040b 8166 e084 a62d 1bff c05a 839b d9ab 77ad 94e7 821d d7f2 e6c7 b335
         dfdf cd5b 3960 d5af 2708 7f36 72c1 ab27 0fb5 291f 9587 3160 65c0 03ed 4ee5 b106 3d50 07`,
        last,
      ],
    ],
  ],
];

describe("the HPACK decoder", () => {
  it.each(vectors)("decodes the examples of RFC 7541, %s", (_, blocks) => {
    const decoder = new HpackDecoder();
    for (const [block, fields] of blocks) {
      expect(decode(decoder, hex(block.replaceAll("\n", "")))).toEqual(fields);
    }
  });

  it.each([
    ["index 0", "80"],
    ["an index past both tables", "be"],
    ["a name index past both tables", "7e 0161"],
    ["an integer without its end", "ff"],
    ["an integer that never ends", "ff ff ff ff ff ff ff"],
    ["a string longer than the block", "00 05 6162"],
    ["a name without a value", "00 01 61"],
    ["a table above 4096 bytes", "3f e2 1f"],
    ["a new table size after a field", "82 20"],
    ["a Huffman string that holds the end symbol", "00 01 61 84 ff ff ff ff"],
    ["a Huffman string padded with zeros", "00 01 61 81 18"],
    ["a Huffman string padded with a whole byte", "00 01 61 82 1f ff"],
  ])("refuses %s", (_, block) => {
    const refused = () => decode(new HpackDecoder(), hex(block));
    expect(refused).toThrow(Http2Fault);
    expect(refused).toThrow(/COMPRESSION_ERROR/);
  });

  it("empties its table for an entry that is larger than the table", () => {
    const decoder = new HpackDecoder();
    decode(decoder, hex("40 01 61 01 62"));
    expect(decode(decoder, hex("be"))).toEqual(["a: b"]);
    const tooLarge = Buffer.concat([hex("40 01 61 7f b1 1f"), Buffer.alloc(127 + 0x31 + (0x1f << 7), 0x78)]);
    decode(decoder, tooLarge);
    expect(() => decode(decoder, hex("be"))).toThrow(/no field 62/);
  });

  it("marks names and values that HTTP/2 forbids, also when they come from the table", () => {
    const decoder = new HpackDecoder();
    expect(decode(decoder, hex("40 01 41 01 62"))).toEqual(["A: b (malformed)"]);
    expect(decode(decoder, hex("be"))).toEqual(["A: b (malformed)"]);
    expect(decode(decoder, hex("00 01 61 03 620d0a"))).toEqual(["a: b\r\n (malformed)"]);
    expect(decode(decoder, hex("00 00 01 62"))).toEqual([": b (malformed)"]);
  });

  it("fails on random blocks with a fault and nothing else", () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 60 }), { minLength: 1, maxLength: 4 }), (blocks) => {
        const decoder = new HpackDecoder();
        try {
          for (const block of blocks) decode(decoder, Buffer.from(block));
        } catch (error) {
          expect(error).toBeInstanceOf(Http2Fault);
        }
      }),
      { numRuns: 3000 },
    );
  });
});

describe("the HPACK encoder", () => {
  it("is understood by the decoder", () => {
    const text = fc.string({ unit: fc.integer({ min: 0x21, max: 0x7e }).map((code) => String.fromCharCode(code)) });
    const name = fc.oneof(
      fc.constantFrom("content-type", "grpc-status", ":status", "via"),
      fc.stringMatching(/^[a-z]+$/),
    );
    fc.assert(
      fc.property(fc.array(fc.tuple(name, fc.oneof(text, fc.constant("x".repeat(5000))))), (fields) => {
        const decoded = decode(new HpackDecoder(), encodeHeaderBlock(fields));
        expect(decoded).toEqual(fields.map(([key, value]) => `${key}: ${value}`));
      }),
    );
  });
});
