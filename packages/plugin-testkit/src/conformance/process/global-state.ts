/** A picture of what a module could change for everybody: environment, globals, and what hangs on them. */
export interface GlobalState {
  readonly env: ReadonlyMap<string, string | undefined>;
  readonly globals: ReadonlyMap<string, unknown>;
}

/** Nested members are looked at for what every program shares. */
const roots = [
  "Object",
  "Array",
  "Map",
  "Set",
  "Promise",
  "String",
  "Number",
  "Function",
  "Date",
  "Math",
  "JSON",
  "RegExp",
  "Error",
  "Symbol",
  "Reflect",
  "console",
  "process",
  "URL",
  "Buffer",
  "AbortController",
  "AbortSignal",
];

export function readGlobalState(): GlobalState {
  const globals = new Map<string, unknown>();
  for (const key of Reflect.ownKeys(globalThis)) {
    const name = typeof key === "symbol" ? `[${String(key)}]` : key;
    globals.set(`globalThis.${name}`, fingerprint(globalThis, key));
  }
  for (const root of roots) {
    const value = (globalThis as Record<string, unknown>)[root];
    addMembers(globals, root, value);
    if (typeof value === "function") addMembers(globals, `${root}.prototype`, value.prototype);
  }
  return { env: new Map(Object.entries(process.env)), globals };
}

/** Reads every global once: Node makes some of them when they are first asked for. */
export function touchGlobals(): void {
  for (const key of Reflect.ownKeys(globalThis)) {
    try {
      void (globalThis as Record<PropertyKey, unknown>)[key];
    } catch {
      // Some refuse to be read; they stay as they are.
    }
  }
}

/** Names of what is different. */
export function differences(before: ReadonlyMap<string, unknown>, after: ReadonlyMap<string, unknown>): string[] {
  const changed = [...after].filter(([name, value]) => !before.has(name) || !Object.is(before.get(name), value));
  const removed = [...before.keys()].filter((name) => !after.has(name));
  return [...changed.map(([name]) => name), ...removed];
}

function addMembers(into: Map<string, unknown>, name: string, value: unknown): void {
  if ((typeof value !== "object" && typeof value !== "function") || value === null) return;
  for (const key of Reflect.ownKeys(value)) {
    into.set(`${name}.${typeof key === "symbol" ? `[${String(key)}]` : key}`, fingerprint(value, key));
  }
}

/** The identity of a function or object; accessors are known by their functions and never called. */
function fingerprint(owner: object, key: PropertyKey): unknown {
  const descriptor = Object.getOwnPropertyDescriptor(owner, key);
  if (descriptor === undefined) return undefined;
  if ("value" in descriptor) {
    const { value } = descriptor;
    // Counters and titles of the process change by themselves; functions and objects do not.
    return typeof value === "function" || typeof value === "object" ? value : typeof value;
  }
  return descriptor.get ?? descriptor.set;
}
