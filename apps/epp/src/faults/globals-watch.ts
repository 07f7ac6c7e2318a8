import { fileOf, type GuardedPackage, ownerOf } from "./attribute-error.ts";
import { locateFunctions } from "./locate-functions.ts";

/** Objects whose functions everybody uses, by the expression that leads to them. */
const owners: readonly (readonly [expression: string, owner: object])[] = [
  ["JSON", JSON],
  ["Math", Math],
  ["Reflect", Reflect],
  ["Object", Object],
  ["Object.prototype", Object.prototype],
  ["Function.prototype", Function.prototype],
  ["Array", Array],
  ["Array.prototype", Array.prototype],
  ["String.prototype", String.prototype],
  ["Number.prototype", Number.prototype],
  ["RegExp.prototype", RegExp.prototype],
  ["Promise", Promise],
  ["Promise.prototype", Promise.prototype],
  ["Map.prototype", Map.prototype],
  ["Set.prototype", Set.prototype],
  ["WeakMap.prototype", WeakMap.prototype],
  ["Date", Date],
  ["Date.prototype", Date.prototype],
  ["Error", Error],
  ["Error.prototype", Error.prototype],
  ["Buffer", Buffer],
  ["Buffer.prototype", Buffer.prototype],
  ["console", console],
  ["process", process],
];

/** Members of the global object itself. Others are made by Node when they are first used. */
const globalNames =
  "JSON Math Reflect Object Function Array String Number RegExp Promise Map Set WeakMap WeakRef Date Error Symbol Proxy Buffer console process setTimeout setInterval setImmediate clearTimeout clearInterval clearImmediate queueMicrotask fetch structuredClone URL AbortController AbortSignal TextEncoder TextDecoder Uint8Array Float64Array ArrayBuffer".split(
    " ",
  );

/** Node defines these by a getter that turns into a value when it is first read, which is nobody's doing. */
const madeAtFirstUse = ["AbortController", "AbortSignal", "TextEncoder", "TextDecoder"] as const;

export interface ChangedGlobal {
  /** `JSON.parse`, `Array.prototype.last`. */
  readonly global: string;
  /** Undefined when it cannot be told. */
  readonly offender: GuardedPackage | undefined;
}

/** Remembers the functions of the language and of Node as they were when it was made. */
export class GlobalsWatch {
  #known = takeStock();

  /** What has changed since the last call. The offender is whose code the new function is. */
  async findChanges(packages: readonly GuardedPackage[]): Promise<ChangedGlobal[]> {
    const now = takeStock();
    const before = this.#known;
    this.#known = now;
    const changed = [...new Set([...before.keys(), ...now.keys()])].filter(
      (path) => before.get(path) !== now.get(path),
    );
    if (changed.length === 0) return [];
    const urls = await locateFunctions(changed.map(expressionOf));
    return changed.map((path, i) => {
      const url = urls[i];
      const file = url === undefined ? undefined : fileOf(url);
      return { global: path, offender: file === undefined ? undefined : ownerOf(file, packages) };
    });
  }
}

/** Path → the function, or the getter, that is there. */
function takeStock(): Map<string, unknown> {
  const stock = new Map<string, unknown>();
  for (const name of madeAtFirstUse) void globalThis[name];
  const note = (prefix: string, owner: object, name: string): void => {
    const descriptor = Object.getOwnPropertyDescriptor(owner, name);
    const value = descriptor?.get ?? descriptor?.value;
    if (typeof value === "function" || (typeof value === "object" && value !== null && prefix === "")) {
      stock.set(`${prefix}${name}`, value);
    }
  };
  for (const name of globalNames) {
    // Node puts some of them in the place of a getter when they are first read: that is no change.
    void (globalThis as Record<string, unknown>)[name];
    note("", globalThis, name);
  }
  for (const [expression, owner] of owners) {
    for (const name of Object.getOwnPropertyNames(owner)) note(`${expression}.`, owner, name);
  }
  return stock;
}

function expressionOf(path: string): string {
  const dot = path.lastIndexOf(".");
  const owner = dot < 0 ? "globalThis" : path.slice(0, dot);
  const name = JSON.stringify(path.slice(dot + 1));
  return `Object.getOwnPropertyDescriptor(${owner}, ${name})?.get ?? ${owner}[${name}]`;
}
