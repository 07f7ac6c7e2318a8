import { decodeHeaderMap, type HeaderPairs } from "./codec/header-map.ts";

/**
 * The headers (or trailers) of one HTTP message: ordered, names in lower case, several values per name kept apart.
 *
 * A list made from the wire decodes itself on the first read and never changes.
 */
export interface HeaderList extends Iterable<readonly [name: string, value: string]> {
  /** Number of values, not of distinct names. */
  readonly size: number;
  /** The last value of `name` (lower case): where a name must have one value, the one added last is the nearest hop's. */
  get(name: string): string | undefined;
  /** All values of `name` (lower case) in order. */
  getAll(name: string): readonly string[];
}

/** Makes a list of pairs; names are lower-cased. */
export function createHeaderList(pairs: HeaderPairs): HeaderList {
  return new FlatHeaderList(pairs.flatMap(([name, value]) => [name.toLowerCase(), value]));
}

/**
 * Makes a list of an encoded `HeaderMap` without decoding it yet.
 *
 * Reading it throws a `CodecFault` if the map is malformed; `countHeaders` tells beforehand.
 */
export function lazyHeaderList(headerMap: Uint8Array): HeaderList {
  return new FlatHeaderList(headerMap);
}

class FlatHeaderList implements HeaderList {
  #source: Uint8Array | string[];

  constructor(source: Uint8Array | string[]) {
    this.#source = source;
  }

  get size(): number {
    return this.#flat().length / 2;
  }

  get(name: string): string | undefined {
    const flat = this.#flat();
    for (let i = flat.length - 2; i >= 0; i -= 2) {
      if (flat[i] === name) return flat[i + 1];
    }
    return undefined;
  }

  getAll(name: string): readonly string[] {
    const flat = this.#flat();
    const values: string[] = [];
    for (let i = 0; i < flat.length; i += 2) {
      if (flat[i] === name) values.push(flat[i + 1]!);
    }
    return values;
  }

  *[Symbol.iterator](): Iterator<readonly [string, string]> {
    const flat = this.#flat();
    for (let i = 0; i < flat.length; i += 2) yield [flat[i]!, flat[i + 1]!];
  }

  #flat(): string[] {
    if (Array.isArray(this.#source)) return this.#source;
    const flat = decodeHeaderMap(this.#source);
    this.#source = flat;
    return flat;
  }
}
