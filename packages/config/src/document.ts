import { type ConfigPath, createSource, type Diagnostic, type Place, type Source } from "@pointsman/diagnostics";
import { type Document, isAlias, isMap, isNode, isScalar, isSeq, type Node, type Pair, type YAMLMap } from "yaml";
import type { ConfigSource } from "./source.ts";

/** Finds the place of a value of the configuration in the text it was read from. */
export interface ConfigDocument {
  readonly source: ConfigSource;
  /**
   * The place of a key or of a value, by the path in the *configuration* (rewritten old spellings are followed back).
   * For a path that is not in the text, the place of the nearest part that is; undefined when there is no text.
   */
  place(path: ConfigPath, part?: "key" | "value"): Place | undefined;
}

/** A path prefix in the configuration, and where the text has it. */
export interface Rewrite {
  readonly config: ConfigPath;
  readonly text: ConfigPath;
}

/** Makes the document; `rewrites` may be appended to while the text is being read. */
export function createConfigDocument(
  source: ConfigSource,
  yaml: Document | undefined,
  rewrites: readonly Rewrite[],
): ConfigDocument {
  const text: Source = createSource(source.name, source.text);
  return {
    source,
    place(path, part = "value") {
      if (source.from === "default") return undefined;
      if (yaml === undefined) return text.place(0, 0);
      const range = rangeOf(yaml, [...source.root, ...inText(path, rewrites)], part);
      return text.place(range.start, range.end);
    },
  };
}

/** The same diagnostics, with the place filled in where there is a path and no place yet. */
export function withPlaces(diagnostics: readonly Diagnostic[], document: ConfigDocument): readonly Diagnostic[] {
  return diagnostics.map((item) => {
    if (item.place !== undefined || item.path === undefined) return item;
    const place = document.place(item.path);
    return place === undefined ? item : Object.freeze({ ...item, place });
  });
}

function inText(path: ConfigPath, rewrites: readonly Rewrite[]): ConfigPath {
  for (const rewrite of rewrites) {
    if (rewrite.config.every((part, i) => path[i] === part)) {
      return [...rewrite.text, ...path.slice(rewrite.config.length)];
    }
  }
  return path;
}

interface Range {
  readonly start: number;
  readonly end: number;
}

function rangeOf(yaml: Document, path: ConfigPath, part: "key" | "value"): Range {
  let node: unknown = yaml.contents;
  let range = nodeRange(node) ?? { start: 0, end: 0 };
  for (let i = 0; i < path.length; i++) {
    const step = path[i]!;
    const parent = resolved(node, yaml);
    let key: Node | undefined;
    let value: unknown;
    if (isMap(parent)) {
      const pair = pairOf(parent, String(step), yaml);
      if (pair === undefined) break;
      key = isNode(pair.key) ? pair.key : undefined;
      value = pair.value;
    } else if (isSeq(parent)) {
      value = parent.items[Number(step)];
    } else break;
    const last = i === path.length - 1;
    const keyRange = nodeRange(key);
    const valueRange = nodeRange(value);
    // Where the rest of the path is missing, the key that should hold it is the best place.
    const preferred = last && part === "value" ? (valueRange ?? keyRange) : (keyRange ?? valueRange);
    if (preferred === undefined) break;
    range = preferred;
    node = value;
  }
  return range;
}

function nodeRange(node: unknown): Range | undefined {
  if (!isNode(node) || node.range === undefined || node.range === null) return undefined;
  const [start, end] = node.range;
  // `key:` without a value has an empty node behind the colon.
  return isScalar(node) && end <= start ? undefined : { start, end };
}

function resolved(node: unknown, yaml: Document): unknown {
  return isAlias(node) ? node.resolve(yaml) : node;
}

function pairOf(map: YAMLMap, name: string, yaml: Document, depth = 0): Pair | undefined {
  const own = map.items.find((pair) => keyName(pair) === name);
  if (own !== undefined || depth > 4) return own;
  for (const pair of map.items) {
    if (keyName(pair) !== "<<") continue;
    const merged = resolved(pair.value, yaml);
    for (const source of isSeq(merged) ? merged.items : [merged]) {
      const from = resolved(source, yaml);
      const found = isMap(from) ? pairOf(from, name, yaml, depth + 1) : undefined;
      if (found !== undefined) return found;
    }
  }
  return undefined;
}

function keyName(pair: Pair): string {
  return isScalar(pair.key) ? String(pair.key.value) : String(pair.key);
}
