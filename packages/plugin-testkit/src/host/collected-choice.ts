import type { Choice, Endpoint, ProfileResult } from "@pointsman/plugin-api";

const owned: ReadonlySet<string> = new Set(["x-gateway-destination-endpoint", "content-length", "host"]);

/** What hooks asked for, with the host's rules: header names in lower case, none that the picker owns. */
export interface ChoiceRecord {
  readonly headers: Map<string, string>;
  readonly removedHeaders: Set<string>;
  readonly bodyFields: Map<string, unknown>;
  /** Port that replaces those of the picked endpoints. */
  port: number | undefined;
}

/** @throws TypeError as the host does, when a header must not or cannot be set. */
export function assertHeader(name: string, value: string): void {
  if (!/^[!#$%&'*+.^_`|~0-9a-z-]+$/.test(name)) throw new TypeError(`"${name}" is no header name in lower case`);
  if (owned.has(name)) throw new TypeError(`${name} belongs to the picker`);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: exactly these must not occur in a header value
  if (typeof value !== "string" || /[\u0000-\u0008\u000a-\u001f\u007f]/.test(value)) {
    throw new TypeError(`the value of ${name} is no header value`);
  }
}

export function createChoice(
  picked: readonly Endpoint[],
  primaryProfile: string,
  profiles: readonly string[],
  result: (profile: string) => ProfileResult | undefined,
): { readonly choice: Choice; readonly record: ChoiceRecord } {
  const record: ChoiceRecord = {
    headers: new Map(),
    removedHeaders: new Set(),
    bodyFields: new Map(),
    port: undefined,
  };
  return {
    record,
    choice: {
      picked,
      primaryProfile,
      profiles,
      result,
      setHeader(name, value) {
        const lower = name.toLowerCase();
        assertHeader(lower, value);
        record.removedHeaders.delete(lower);
        record.headers.set(lower, value);
      },
      removeHeader(name) {
        const lower = name.toLowerCase();
        assertHeader(lower, "");
        record.headers.delete(lower);
        record.removedHeaders.add(lower);
      },
      setBodyField(name, value) {
        if (JSON.stringify(value) === undefined) throw new TypeError(`the value of ${name} cannot be written as JSON`);
        record.bodyFields.set(name, value);
      },
      setPort(port) {
        if (!Number.isInteger(port) || port < 0 || port > 65_535) throw new RangeError(`${port} is no port`);
        record.port = port;
      },
    },
  };
}
