import type { KvEvent, KvEventBatch, KvEventName } from "./kv-event.ts";
import { kvEventNames } from "./kv-event.ts";
import { MsgpackError, MsgpackReader } from "./msgpack-reader.ts";

/** Places of the fields in events that are arrays; 0 is the name. */
const STORED_FIELDS = [
  "type",
  "block_hashes",
  "parent_block_hash",
  "token_ids",
  "block_size",
  "lora_id",
  "medium",
  "lora_name",
  "extra_keys",
  "group_idx",
  "kv_cache_spec_kind",
] as const;
/** SGLang has other fields behind the medium. */
const SGLANG_STORED_FIELDS = [...STORED_FIELDS.slice(0, 7), "cache_salt"] as const;
const REMOVED_FIELDS = ["type", "block_hashes", "medium", "group_idx"] as const;
const FIELDS = [...STORED_FIELDS, "locality", "cache_salt"] as const;
type Field = (typeof FIELDS)[number] | undefined;

/** More of anything than an engine has: a batch that claims it is refused. */
export interface DecoderLimits {
  readonly maxBatchBytes: number;
  readonly maxHashes: number;
  readonly maxTokens: number;
  readonly maxEvents: number;
}

export const defaultDecoderLimits: DecoderLimits = Object.freeze({
  maxBatchBytes: 64 * 1024 * 1024,
  maxHashes: 1 << 18,
  maxTokens: 1 << 22,
  maxEvents: 1 << 16,
});

const MAX_NAME_BYTES = 1_024;
const MAX_EXTRA_KEYS = 64;
const NOTHING: readonly (readonly Uint8Array[])[] = [];

/**
 * Decodes batches of KV events as vLLM, SGLang and others publish them (MessagePack): events as arrays or as maps, with
 * fields in any order, absent or unknown. A malformed event costs itself: those before and after it are given out.
 *
 * @see https://docs.vllm.ai/en/latest/api/vllm/distributed/kv_events.html
 */
export class KvEventDecoder {
  readonly #limits: DecoderLimits;
  readonly #storedFields: readonly Field[];
  readonly #reader = new MsgpackReader();
  readonly #names = new NameTable();
  readonly #fieldNames = FIELDS.map((name) => Buffer.from(name));
  readonly #event: KvEvent = {
    name: undefined,
    hashes: new Int32Array(2 * 256),
    hashCount: 0,
    hashBytes: 0,
    hasParent: false,
    parentLow: 0,
    parentHigh: 0,
    tokens: new Uint32Array(4_096),
    tokenCount: 0,
    blockSize: 0,
    medium: undefined,
    loraName: undefined,
    group: -1,
    specKind: undefined,
    locality: undefined,
    cacheSalt: undefined,
    extraKeys: NOTHING,
  };
  readonly #batch: KvEventBatch = { rank: undefined, events: 0, malformed: 0, uncertain: false, problem: undefined };

  /** @param engine decides what the places in events mean that are arrays. */
  constructor(engine: "vllm" | "sglang" = "vllm", limits: DecoderLimits = defaultDecoderLimits) {
    this.#limits = limits;
    this.#storedFields = engine === "sglang" ? SGLANG_STORED_FIELDS : STORED_FIELDS;
  }

  /**
   * Gives out the events of a batch in their order. The result is used again for the next batch.
   * @throws MsgpackError when the batch as a whole cannot be read; events before the place were given out.
   */
  decode(bytes: Uint8Array, each: (event: KvEvent) => void): KvEventBatch {
    const reader = this.#reader;
    const batch = this.#batch;
    batch.rank = undefined;
    batch.events = 0;
    batch.malformed = 0;
    batch.uncertain = false;
    batch.problem = undefined;
    if (bytes.length > this.#limits.maxBatchBytes) throw new MsgpackError(`a batch has ${bytes.length} bytes`);
    reader.open(bytes);
    if (reader.isMap()) this.#batchFromMap(each);
    else {
      const length = reader.arrayLength();
      if (length < 2) throw new MsgpackError(`a batch has ${length} elements: time and events are missing`);
      reader.skip();
      this.#events(each);
      if (length > 2 && !reader.takeNil()) batch.rank = reader.uint();
      for (let i = 3; i < length; i += 1) reader.skip();
    }
    return batch;
  }

  #batchFromMap(each: (event: KvEvent) => void): void {
    const reader = this.#reader;
    for (let left = reader.mapLength(); left > 0; left -= 1) {
      const key = this.#names.read(reader);
      if (key === "events") this.#events(each);
      else if (key !== "data_parallel_rank") reader.skip();
      else if (!reader.takeNil()) this.#batch.rank = reader.uint();
    }
  }

  #events(each: (event: KvEvent) => void): void {
    const reader = this.#reader;
    const count = reader.arrayLength();
    if (count > this.#limits.maxEvents) throw new MsgpackError(`a batch has ${count} events`);
    for (let i = 0; i < count; i += 1) {
      const start = reader.at;
      try {
        this.#read();
      } catch (error) {
        if (!(error instanceof MsgpackError)) throw error;
        this.#batch.malformed += 1;
        if (this.#event.name !== "BlockStored") this.#batch.uncertain = true;
        this.#batch.problem = error.message;
        reader.at = start;
        reader.skip();
        continue;
      }
      this.#batch.events += 1;
      const end = reader.at;
      each(this.#event);
      reader.at = end;
    }
  }

  #read(): void {
    const reader = this.#reader;
    const event = this.#event;
    event.name = undefined;
    event.hashCount = 0;
    event.hashBytes = 0;
    event.hasParent = false;
    event.tokenCount = 0;
    event.blockSize = 0;
    event.medium = undefined;
    event.loraName = undefined;
    event.group = -1;
    event.specKind = undefined;
    event.locality = undefined;
    event.cacheSalt = undefined;
    event.extraKeys = NOTHING;
    if (reader.isMap()) {
      for (let left = reader.mapLength(); left > 0; left -= 1) {
        const field = this.#fieldName();
        if (field === "type") event.name = eventName(this.#names.read(reader));
        else this.#field(field);
      }
      return;
    }
    const length = reader.arrayLength();
    if (length === 0) throw new MsgpackError("an event is empty");
    event.name = eventName(this.#names.read(reader));
    const fields: readonly Field[] =
      event.name === "BlockStored" ? this.#storedFields : event.name === "BlockRemoved" ? REMOVED_FIELDS : [];
    for (let i = 1; i < length; i += 1) this.#field(fields[i]);
  }

  #fieldName(): Field {
    const reader = this.#reader;
    const at = reader.string();
    const length = reader.stringLength;
    for (let i = 0; i < FIELDS.length; i += 1) if (reader.equals(at, length, this.#fieldNames[i]!)) return FIELDS[i];
    return undefined;
  }

  #field(field: Field): void {
    const reader = this.#reader;
    const event = this.#event;
    if (reader.takeNil()) return;
    switch (field) {
      case "block_hashes":
        this.#hashes();
        return;
      case "parent_block_hash":
        reader.hash();
        event.hasParent = true;
        event.parentLow = reader.low;
        event.parentHigh = reader.high;
        return;
      case "token_ids":
        this.#tokens();
        return;
      case "block_size":
        event.blockSize = reader.uint();
        return;
      case "medium":
        event.medium = this.#names.read(reader);
        return;
      case "lora_name":
        event.loraName = this.#names.read(reader);
        return;
      case "extra_keys":
        event.extraKeys = this.#extraKeys();
        return;
      case "group_idx":
        event.group = reader.uint();
        return;
      case "kv_cache_spec_kind":
        event.specKind = this.#names.read(reader);
        return;
      case "locality":
        event.locality = this.#names.read(reader);
        return;
      case "cache_salt":
        event.cacheSalt = this.#names.read(reader);
        return;
      default:
        reader.skip();
    }
  }

  #hashes(): void {
    const reader = this.#reader;
    const event = this.#event;
    const count = reader.arrayLength();
    if (count > this.#limits.maxHashes) throw new MsgpackError(`an event has ${count} block hashes`);
    if (2 * count > event.hashes.length) event.hashes = new Int32Array(4 * count);
    const { hashes } = event;
    for (let i = 0; i < count; i += 1) {
      const type = reader.peek();
      const from = reader.at;
      reader.hash();
      hashes[2 * i] = reader.low;
      hashes[2 * i + 1] = reader.high;
      if (type >= 0xc4 && type <= 0xc6) {
        const length = reader.at - from - 1 - (1 << (type - 0xc4));
        if (length > event.hashBytes) event.hashBytes = length;
      }
    }
    event.hashCount = count;
  }

  #tokens(): void {
    const event = this.#event;
    let count = this.#reader.tokens(event.tokens, 0);
    if (count < 0) {
      if (-count > this.#limits.maxTokens) throw new MsgpackError(`an event has ${-count} tokens`);
      event.tokens = new Uint32Array(2 * -count);
      count = this.#reader.tokens(event.tokens, 0);
    }
    event.tokenCount = count;
  }

  /** Of each block every string, and of each tuple the first element: an image's identifier, without its offset. */
  #extraKeys(): readonly (readonly Uint8Array[])[] {
    const reader = this.#reader;
    const blocks: (readonly Uint8Array[])[] = [];
    for (let left = reader.arrayLength(); left > 0; left -= 1) {
      if (!reader.isArray()) {
        reader.skip();
        blocks.push([]);
        continue;
      }
      const keys: Uint8Array[] = [];
      const count = reader.arrayLength();
      if (count > MAX_EXTRA_KEYS) throw new MsgpackError(`a block has ${count} extra keys`);
      for (let i = 0; i < count; i += 1) this.#extraKey(keys);
      blocks.push(keys);
    }
    return blocks.some((keys) => keys.length > 0) ? blocks : NOTHING;
  }

  #extraKey(keys: Uint8Array[]): void {
    const reader = this.#reader;
    const rest = reader.isArray() ? reader.arrayLength() : 1;
    if (rest === 0) return;
    const from = reader.stringOrBytes();
    if (from < 0) reader.skip();
    else keys.push(Uint8Array.from(reader.bytes(from, reader.stringLength)));
    for (let i = 1; i < rest; i += 1) reader.skip();
  }
}

function eventName(text: string): KvEventName | undefined {
  return kvEventNames.find((name) => name === text);
}

/** Short strings that come again and again, without making them anew each time. */
class NameTable {
  static readonly #max = 1_024;
  readonly #known: (readonly { readonly bytes: Uint8Array; readonly text: string }[] | undefined)[] = [];
  #count = 0;

  read(reader: MsgpackReader): string {
    const from = reader.string();
    const length = reader.stringLength;
    if (length > MAX_NAME_BYTES) throw new MsgpackError(`a name has ${length} bytes`);
    const ofLength = this.#known[length] ?? [];
    for (const { bytes, text } of ofLength) if (reader.equals(from, length, bytes)) return text;
    const bytes = Uint8Array.from(reader.bytes(from, length));
    const text = Buffer.from(bytes).toString("utf8");
    if (this.#count < NameTable.#max && ofLength.length < 16) {
      this.#count += 1;
      this.#known[length] = [...ofLength, { bytes, text }];
    }
    return text;
  }
}
