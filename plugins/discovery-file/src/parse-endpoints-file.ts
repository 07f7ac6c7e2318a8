import { isIPv6 } from "node:net";
import type { EndpointSpec } from "@pointsman/plugin-api";
import {
  type Alias,
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  parseDocument,
  visit,
  type YAMLMap,
} from "yaml";
import type { Mistake } from "./endpoints-file-error.ts";
import { parseAddress } from "./parse-address.ts";

/** What a file says: a whole set of endpoints, or everything that is wrong with it. */
export type EndpointsFile = { readonly endpoints: readonly EndpointSpec[] } | { readonly mistakes: readonly Mistake[] };

const fields = ["name", "namespace", "address", "port", "labels"];
const plainName = /^[^\s/]{1,253}$/;

/**
 * Parses YAML or JSON of the form `endpoints: [{ name, namespace, address, port, labels }]`. All mistakes are reported
 * together. A text that says nothing is a mistake; `endpoints: []` says that there are none.
 */
export function parseEndpointsFile(text: string): EndpointsFile {
  const lineCounter = new LineCounter();
  const mistakes: Mistake[] = [];
  const mistake = (offset: number, message: string): void => {
    const { line, col } = lineCounter.linePos(offset);
    mistakes.push({ line, column: col, message });
  };
  const document = parseDocument(text, { lineCounter, prettyErrors: false, stringKeys: true });
  for (const error of document.errors) mistake(error.pos[0], `not YAML and not JSON: ${error.message}`);
  if (mistakes.length > 0) return { mistakes };

  const meanings = meaningsOfAliases(document);
  const reader: Reader = { mistake, resolve: (node) => (isAlias(node) ? meanings.get(node) : node) };
  const root = reader.resolve(document.contents);
  if (root === null || (isScalar(root) && root.value === null)) {
    return {
      mistakes: [{ line: 1, column: 1, message: 'the file says nothing; write "endpoints: []" for an empty pool' }],
    };
  }
  const endpoints = isMap(root) ? readRoot(root, reader) : undefined;
  if (!isMap(root)) mistake(offsetOf(root), "must be a mapping with the member endpoints");
  if (mistakes.length === 0) return { endpoints: endpoints ?? [] };
  return { mistakes: mistakes.sort((a, b) => a.line! - b.line! || a.column! - b.column!) };
}

interface Reader {
  /** Notes a mistake at an offset of the text. */
  mistake(offset: number, message: string): void;
  /** What an alias stands for; other nodes as they are. */
  resolve(node: unknown): unknown;
}

/** What each alias stands for. One walk for all: looking an alias up by itself walks the whole document. */
function meaningsOfAliases(document: Document): Map<Alias, Node> {
  const anchors = new Map<string, Node>();
  const meanings = new Map<Alias, Node>();
  visit(document, {
    Node(_, node) {
      if (isAlias(node)) {
        const meaning = anchors.get(node.source);
        if (meaning !== undefined) meanings.set(node, meaning);
      } else if (node.anchor !== undefined) anchors.set(node.anchor, node);
    },
  });
  return meanings;
}

function readRoot(root: YAMLMap, reader: Reader): EndpointSpec[] {
  const members = readMembers(root, ["endpoints"], "the file", reader);
  const list = members.get("endpoints");
  if (list === undefined) {
    if (root.items.every(({ key }) => textOf(key) !== "endpoints"))
      reader.mistake(offsetOf(root), "endpoints is missing");
    return [];
  }
  if (!isSeq(list)) {
    reader.mistake(offsetOf(list), 'endpoints must be a list; write "endpoints: []" for an empty pool');
    return [];
  }
  const specs: EndpointSpec[] = [];
  const ids = new Set<string>();
  const ownerOfAddress = new Map<string, string>();
  for (const item of list.items) {
    const entry = reader.resolve(item);
    // An alias is reported where it stands, not where its anchor is.
    const place = offsetOf(item);
    if (!isMap(entry)) {
      reader.mistake(place, "an endpoint must be a mapping with name, address and port");
      continue;
    }
    const spec = readEndpoint(entry, reader);
    if (spec === undefined) continue;
    const id = `${spec.namespace}/${spec.name}`;
    const address = `${isIPv6(spec.host) ? `[${spec.host}]` : spec.host}:${spec.port}`;
    const owner = ownerOfAddress.get(address);
    if (ids.has(id)) reader.mistake(place, `there are two endpoints named ${id}`);
    else if (owner !== undefined) reader.mistake(place, `${id} has the address of ${owner}: ${address}`);
    ids.add(id);
    ownerOfAddress.set(address, id);
    specs.push(spec);
  }
  return specs;
}

function readEndpoint(entry: YAMLMap, reader: Reader): EndpointSpec | undefined {
  const members = readMembers(entry, fields, "an endpoint", reader);
  const required = (field: string): unknown => {
    const node = members.get(field);
    if (node === undefined) reader.mistake(offsetOf(entry), `${field} is missing`);
    return node;
  };
  const name = readName("name", required("name"), reader);
  const namespace = members.has("namespace") ? readName("namespace", members.get("namespace"), reader) : "default";
  const host = readHost(required("address"), reader);
  const port = readPort(required("port"), reader);
  const labels = readLabels(members.get("labels"), reader);
  if (name === undefined || namespace === undefined || host === undefined || port === undefined) return undefined;
  return { name, namespace, host, port, labels };
}

/** Members by name, aliases resolved. Unknown ones are mistakes; one without a value counts as absent. */
function readMembers(map: YAMLMap, known: readonly string[], what: string, reader: Reader): Map<string, unknown> {
  const members = new Map<string, unknown>();
  for (const { key, value } of map.items) {
    const name = textOf(key);
    if (name === undefined || !known.includes(name)) {
      reader.mistake(offsetOf(key), `${what} has no member ${name ?? "of this kind"}; there are ${known.join(", ")}`);
      continue;
    }
    const node = reader.resolve(value);
    if (node !== null && node !== undefined && !(isScalar(node) && node.value === null)) members.set(name, node);
    else if (name === "endpoints")
      reader.mistake(offsetOf(key), 'endpoints has no value; write "endpoints: []" for an empty pool');
  }
  return members;
}

function readName(field: string, node: unknown, reader: Reader): string | undefined {
  if (node === undefined) return undefined;
  const text = textOf(node);
  if (text !== undefined && plainName.test(text)) return text;
  reader.mistake(offsetOf(node), `${field} must be a text of 1 to 253 characters without blanks and slashes`);
  return undefined;
}

function readHost(node: unknown, reader: Reader): string | undefined {
  if (node === undefined) return undefined;
  const text = textOf(node);
  const host = text === undefined ? undefined : parseAddress(text);
  if (host === undefined) {
    const got = text === undefined ? "" : `, got ${JSON.stringify(text.slice(0, 80))}`;
    reader.mistake(offsetOf(node), `address must be an IP address or a host name, without a port${got}`);
  }
  return host;
}

function readPort(node: unknown, reader: Reader): number | undefined {
  if (node === undefined) return undefined;
  const value = isScalar(node) ? node.value : undefined;
  const port = typeof value === "string" && /^\d{1,5}$/.test(value) ? Number(value) : value;
  if (typeof port === "number" && Number.isInteger(port) && port >= 1 && port <= 65_535) return port;
  reader.mistake(offsetOf(node), "port must be a number from 1 to 65535");
  return undefined;
}

function readLabels(node: unknown, reader: Reader): Record<string, string> {
  const labels: Record<string, string> = Object.create(null) as Record<string, string>;
  if (node === undefined) return { ...labels };
  if (!isMap(node)) {
    reader.mistake(offsetOf(node), "labels must be a mapping of texts");
    return labels;
  }
  for (const { key, value } of node.items) {
    const name = textOf(key);
    const text = textOf(reader.resolve(value));
    if (name === undefined) reader.mistake(offsetOf(key), "the name of a label must be a text");
    else if (text === undefined)
      reader.mistake(offsetOf(value ?? key), `label ${name} must be a text; put it in quotes`);
    else labels[name] = text;
  }
  return { ...labels };
}

function textOf(node: unknown): string | undefined {
  return isScalar(node) && typeof node.value === "string" ? node.value : undefined;
}

function offsetOf(node: unknown): number {
  return (node as Node | null | undefined)?.range?.[0] ?? 0;
}
