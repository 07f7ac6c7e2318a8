import { Http2Fault } from "../http2-fault.ts";
import { DynamicTable } from "./dynamic-table.ts";
import { decodeHuffman } from "./huffman.ts";
import { STATIC_TABLE, type TableEntry } from "./static-table.ts";

/** The table size that both sides begin with, and that we stay at. */
export const HEADER_TABLE_BYTES = 4096;

/** Takes the fields of one block, in order. */
export interface FieldSink {
  /** @param wellFormed false if HTTP/2 forbids this name or value */
  field(name: string, value: string, wellFormed: boolean): void;
}

const INDEXED = 0x80;
const INCREMENTAL = 0x40;
const SIZE_UPDATE = 0x20;

/** Four continuation bytes hold 28 bits, more than any length or index here. */
const MAX_INTEGER_BYTES = 4;

/** RFC 9113, 8.2.1: no upper case, blanks or control characters; a colon only in front. */
const BAD_NAME = /[^\x21-\x39\x3b-\x40\x5b-\x7e]/;
const BAD_VALUE = /[\0\r\n]|^[ \t]|[ \t]$/;

/** An HPACK decoder (RFC 7541): one per connection, because its table lives as long as that. */
export class HpackDecoder {
  readonly #table = new DynamicTable(HEADER_TABLE_BYTES);
  #bytes: Buffer = Buffer.alloc(0);
  #position = 0;
  #end = 0;

  /**
   * Decodes one whole block. Strings are Latin-1: one character is one byte.
   *
   * @throws Http2Fault COMPRESSION_ERROR, after which the decoder must not be used
   */
  decode(bytes: Buffer, start: number, end: number, sink: FieldSink): void {
    this.#bytes = bytes;
    this.#position = start;
    this.#end = end;
    let fields = 0;
    while (this.#position < end) {
      const first = bytes[this.#position]!;
      if ((first & INDEXED) !== 0) {
        const { name, value, wellFormed } = this.#entry(this.#integer(0x7f));
        sink.field(name, value, wellFormed);
        fields++;
      } else if ((first & INCREMENTAL) !== 0) {
        const entry = this.#literal(this.#integer(0x3f));
        this.#table.add(entry);
        sink.field(entry.name, entry.value, entry.wellFormed);
        fields++;
      } else if ((first & SIZE_UPDATE) !== 0) {
        if (fields > 0) throw compressionFault("a change of the table size after the first field");
        const size = this.#integer(0x1f);
        if (!this.#table.resize(size)) throw compressionFault(`a table of ${size} bytes was never allowed`);
      } else {
        const { name, value, wellFormed } = this.#literal(this.#integer(0x0f));
        sink.field(name, value, wellFormed);
        fields++;
      }
    }
    this.#bytes = NOTHING;
  }

  #entry(index: number): TableEntry {
    const entry =
      index <= STATIC_TABLE.length ? STATIC_TABLE[index - 1] : this.#table.at(index - STATIC_TABLE.length - 1);
    if (entry === undefined) throw compressionFault(`there is no field ${index}`);
    return entry;
  }

  #literal(nameIndex: number): TableEntry {
    const indexed = nameIndex === 0 ? undefined : this.#entry(nameIndex);
    const name = indexed?.name ?? this.#string();
    const value = this.#string();
    const goodName = indexed?.wellFormed || !BAD_NAME.test(name.startsWith(":") ? name.slice(1) : name);
    return { name, value, wellFormed: goodName && name !== "" && !BAD_VALUE.test(value) };
  }

  #string(): string {
    const huffman = this.#position < this.#end && (this.#bytes[this.#position]! & 0x80) !== 0;
    const length = this.#integer(0x7f);
    const start = this.#position;
    if (length > this.#end - start) throw truncated();
    this.#position = start + length;
    return huffman
      ? decodeHuffman(this.#bytes, start, start + length)
      : this.#bytes.toString("latin1", start, start + length);
  }

  #integer(mask: number): number {
    if (this.#position >= this.#end) throw truncated();
    let value = this.#bytes[this.#position++]! & mask;
    if (value < mask) return value;
    for (let i = 0; i < MAX_INTEGER_BYTES; i++) {
      if (this.#position >= this.#end) throw truncated();
      const byte = this.#bytes[this.#position++]!;
      value += (byte & 0x7f) << (7 * i);
      if (byte < 0x80) return value;
    }
    throw compressionFault("an integer is too long");
  }
}

const NOTHING: Buffer = Buffer.alloc(0);

function truncated(): Http2Fault {
  return compressionFault("a header block ends in the middle of a field");
}

function compressionFault(message: string): Http2Fault {
  return new Http2Fault("COMPRESSION_ERROR", message);
}
