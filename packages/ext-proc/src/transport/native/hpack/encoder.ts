import { STATIC_TABLE } from "./static-table.ts";

const indexOfField = new Map(STATIC_TABLE.map(({ name, value }, i) => [`${name}\0${value}`, i + 1]));
/** Of several entries with one name, the first. */
const indexOfName = new Map(STATIC_TABLE.map(({ name }, i) => [name, i + 1] as const).reverse());

/**
 * Encodes a header block with references to the static table and literals only, so that it means the same on every
 * connection and can be kept. Values are Latin-1; nothing is Huffman-coded: blocks that are kept cost a copy.
 */
export function encodeHeaderBlock(fields: readonly (readonly [name: string, value: string])[]): Buffer {
  return Buffer.concat(
    fields.flatMap(([name, value]) => {
      const whole = indexOfField.get(`${name}\0${value}`);
      if (whole !== undefined) return [integer(0x80, 0x7f, whole)];
      const nameIndex = indexOfName.get(name);
      const literal = nameIndex === undefined ? [Buffer.of(0), ...string(name)] : [integer(0, 0x0f, nameIndex)];
      return [...literal, ...string(value)];
    }),
  );
}

function string(text: string): Buffer[] {
  const bytes = Buffer.from(text, "latin1");
  return [integer(0, 0x7f, bytes.length), bytes];
}

/** RFC 7541, 5.1: an integer behind the pattern of the first byte. */
function integer(pattern: number, mask: number, value: number): Buffer {
  if (value < mask) return Buffer.of(pattern | value);
  const bytes = [pattern | mask];
  let rest = value - mask;
  for (; rest >= 128; rest >>>= 7) bytes.push((rest & 0x7f) | 0x80);
  bytes.push(rest);
  return Buffer.from(bytes);
}
