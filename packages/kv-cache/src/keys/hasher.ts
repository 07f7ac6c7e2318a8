import { blockKeysWasm } from "./block-keys-wasm.ts";

/** An exported constant. */
interface Constant {
  readonly value: number;
}

interface Exports {
  readonly memory: { readonly buffer: ArrayBuffer };
  readonly INPUT: Constant;
  readonly INPUT_BYTES: Constant;
  readonly MAX_KEYS: Constant;
  readonly PARENT: Constant;
  readonly KEYS: Constant;
  begin(): void;
  absorb(length: number): void;
  end(length: number, absorbed: number): void;
  linkedKeys(blockBytes: number, count: number): void;
  nestedKeys(blockBytes: number, length: number): number;
}

/** The part of the global that is used; TypeScript declares the whole only together with the DOM. */
interface WebAssemblyGlobal {
  readonly Module: new (bytes: Uint8Array) => object;
  readonly Instance: new (module: object) => { readonly exports: unknown };
}

/** The compiled hash functions and their memory: 384 KiB, never more. */
export interface Hasher {
  readonly wasm: Exports;
  /** Where input goes; its length is the most that fits. */
  readonly input: Uint8Array;
  /** The parent key, low half first. */
  readonly parent: Int32Array;
  /** Resulting keys, low halves first. */
  readonly keys: Int32Array;
}

let made: Hasher | undefined;

/** One for the process, made at first use: calls are synchronous and keep nothing in it between each other. */
export function hasher(): Hasher {
  made ??= createHasher();
  return made;
}

function createHasher(): Hasher {
  const { Module, Instance } = (globalThis as unknown as { readonly WebAssembly: WebAssemblyGlobal }).WebAssembly;
  const wasm = new Instance(new Module(Buffer.from(blockKeysWasm, "base64"))).exports as Exports;
  const { buffer } = wasm.memory;
  return {
    wasm,
    input: new Uint8Array(buffer, wasm.INPUT.value, wasm.INPUT_BYTES.value),
    parent: new Int32Array(buffer, wasm.PARENT.value, 2),
    keys: new Int32Array(buffer, wasm.KEYS.value, 2 * wasm.MAX_KEYS.value),
  };
}
