import type { Attribute, DataKey, EndpointWriter } from "@pointsman/plugin-api";
import type { TestPool } from "../../test-pool.ts";

/** A writer with the rules of the host that remembers what broke them. */
export interface WriteRecorder {
  readonly writer: EndpointWriter;
  /** From now on nothing may be written. */
  close(): void;
  /** The first thing that was wrong with a value. */
  fault(): string | undefined;
  /** The first key that was written after {@link close}. */
  late(): string | undefined;
}

export function createWriteRecorder(
  pool: TestPool,
  endpoint: string,
  writes: readonly DataKey[],
  name: string,
): WriteRecorder {
  let closed = false;
  let fault: string | undefined;
  let late: string | undefined;
  return {
    writer: {
      set(attribute, value) {
        const { key } = attribute as Attribute;
        if (closed) late ??= key;
        if (!writes.some((declared) => declared.key === key)) {
          fault ??= `wrote ${key}, which it does not declare`;
          throw new TypeError(`${name} does not list ${key} in its writes`);
        }
        pool.datastore.bind(attribute as Attribute, name);
        try {
          pool.datastore.write(endpoint, attribute as Attribute, value, { writer: name });
        } catch (error) {
          fault ??= `wrote a value of the wrong kind: ${(error as Error).message}`;
          throw error;
        }
      },
    },
    close() {
      closed = true;
    },
    fault: () => fault,
    late: () => late,
  };
}
