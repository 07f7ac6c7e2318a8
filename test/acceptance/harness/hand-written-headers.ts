import type { Message } from "./notation.ts";

/** One `HeaderValue` as a client may spell it: name in any case, value in one field, the other, or both. */
export interface HandWrittenHeader {
  readonly key: string;
  readonly value?: string;
  readonly rawValue?: string;
}

const MEMBER = { requestHeaders: 2, headers: 1, endOfStream: 3, key: 1, value: 2, rawValue: 3 } as const;

/** `H` on the wire, byte by byte: Envoy writes `raw_value` and lower-case names only, other clients do not. */
export function handWrittenHeaders(headers: readonly HandWrittenHeader[], endOfStream = false): Message {
  const map = Buffer.concat(
    headers.map(({ key, value, rawValue }) =>
      member(
        MEMBER.headers,
        Buffer.concat([
          member(MEMBER.key, Buffer.from(key)),
          value === undefined ? Buffer.alloc(0) : member(MEMBER.value, Buffer.from(value)),
          rawValue === undefined ? Buffer.alloc(0) : member(MEMBER.rawValue, Buffer.from(rawValue)),
        ]),
      ),
    ),
  );
  const end = endOfStream ? Buffer.from([MEMBER.endOfStream << 3, 1]) : Buffer.alloc(0);
  return {
    kind: "request_headers",
    headers: headers.map(({ key, value, rawValue }) => [key, rawValue || (value ?? "")] as const),
    endOfStream,
    wire: member(MEMBER.requestHeaders, Buffer.concat([member(MEMBER.headers, map), end])),
  };
}

/** A length-delimited protobuf field. */
function member(number: number, bytes: Uint8Array): Buffer {
  const length: number[] = [];
  let rest = bytes.length;
  for (; rest > 127; rest >>>= 7) length.push((rest & 127) | 128);
  return Buffer.concat([Buffer.from([(number << 3) | 2, ...length, rest]), bytes]);
}
