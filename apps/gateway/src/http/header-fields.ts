/** Fields that concern one connection only and never cross a proxy (RFC 9110 §7.6.1, and the older `Keep-Alive`). */
const HOP_BY_HOP: ReadonlySet<string> = new Set([
  "connection",
  "keep-alive",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
]);

export function isHopByHop(name: string): boolean {
  return HOP_BY_HOP.has(name);
}

/**
 * The header fields of one HTTP message: ordered, names in lower case, repeated names kept apart. Values hold one byte
 * per character, as node:http gives and takes them.
 */
export class HeaderFields {
  #flat: string[] = [];

  /** @param raw name, value, name, value, …; names in any case */
  static fromRaw(raw: readonly string[]): HeaderFields {
    const fields = new HeaderFields();
    for (let i = 0; i + 1 < raw.length; i += 2) fields.#flat.push(raw[i]!.toLowerCase(), raw[i + 1]!);
    return fields;
  }

  /** The first value of `name`. */
  get(name: string): string | undefined {
    for (let i = 0; i < this.#flat.length; i += 2) if (this.#flat[i] === name) return this.#flat[i + 1];
    return undefined;
  }

  /** Replaces all values of `name`; the new one stands where the first one stood. */
  set(name: string, value: string): void {
    const at = this.#flat.findIndex((entry, i) => i % 2 === 0 && entry === name);
    if (at < 0) {
      this.append(name, value);
      return;
    }
    this.#flat[at + 1] = value;
    this.#keep((entry, i) => i <= at || entry !== name);
  }

  append(name: string, value: string): void {
    this.#flat.push(name, value);
  }

  remove(name: string): void {
    this.#keep((entry) => entry !== name);
  }

  /** Removes the fields that end at this proxy, those named by `Connection` included. */
  removeHopByHop(): void {
    const named = new Set<string>();
    for (const [name, value] of this) {
      if (name === "connection") for (const token of value.split(",")) named.add(token.trim().toLowerCase());
    }
    this.#keep((name) => !HOP_BY_HOP.has(name) && !named.has(name));
  }

  /** Name, value, name, value, …: a new array. */
  toFlat(): string[] {
    return [...this.#flat];
  }

  *[Symbol.iterator](): Iterator<readonly [name: string, value: string]> {
    for (let i = 0; i < this.#flat.length; i += 2) yield [this.#flat[i]!, this.#flat[i + 1]!];
  }

  #keep(wanted: (name: string, index: number) => boolean): void {
    const kept: string[] = [];
    for (let i = 0; i < this.#flat.length; i += 2) {
      if (wanted(this.#flat[i]!, i)) kept.push(this.#flat[i]!, this.#flat[i + 1]!);
    }
    this.#flat = kept;
  }
}

const BEYOND_ASCII = /[^\0-\x7f]/;

/** A header value for the ext_proc codec, which writes UTF-8: its bytes read as such. */
export function wireValue(value: string): string {
  return BEYOND_ASCII.test(value) ? Buffer.from(value, "latin1").toString("utf8") : value;
}

/** The reverse of {@link wireValue}: one character per byte. */
export function httpValue(value: string): string {
  return BEYOND_ASCII.test(value) ? Buffer.from(value, "utf8").toString("latin1") : value;
}
