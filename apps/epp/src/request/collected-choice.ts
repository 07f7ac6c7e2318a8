import type { Choice, Endpoint, ProfileResult } from "@pointsman/plugin-api";
import type { Decision } from "@pointsman/scheduling";

/** Headers that plugins may not touch: the picker and the proxy own them. */
const owned: ReadonlySet<string> = new Set(["x-gateway-destination-endpoint", "content-length", "host"]);
const headerName = /^[!#$%&'*+.^_`|~0-9a-z-]+$/;

/** @throws TypeError when a header must not or cannot be set: one malformed header would fail the whole request. */
export function assertHeader(name: string, value: string): void {
  if (!headerName.test(name)) throw new TypeError(`"${name}" is no header name in lower case`);
  if (owned.has(name)) throw new TypeError(`${name} belongs to the picker`);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: exactly these must not occur in a header value
  if (typeof value !== "string" || /[\u0000-\u0008\u000a-\u001f\u007f]/.test(value)) {
    throw new TypeError(`the value of ${name} is no header value`);
  }
}

/** Collects what `postChoice` hooks want to tell the proxy and the model server. */
export class CollectedChoice implements Choice {
  readonly picked: readonly Endpoint[];
  readonly primaryProfile: string;
  readonly profiles: readonly string[];
  readonly headers = new Map<string, string>();
  readonly removed: Set<string>;
  readonly bodyFields = new Map<string, unknown>();
  /** Replaces the ports of the picked endpoints. */
  port: number | undefined;
  readonly #decision: Decision;

  /** @param removed headers that are removed in any case. */
  constructor(decision: Decision, picked: readonly Endpoint[], removed: readonly string[]) {
    this.picked = picked;
    this.primaryProfile = decision.primary;
    this.profiles = decision.profiles.flatMap(({ profile, failure }) => (failure === undefined ? [profile] : []));
    this.removed = new Set(removed);
    this.#decision = decision;
  }

  /** `host:port` the proxy is to dial, for each picked endpoint. */
  destinations(): readonly string[] {
    const { port } = this;
    if (port === undefined) return this.picked.map(({ address }) => address);
    return this.picked.map(({ address }) => `${address.slice(0, address.lastIndexOf(":"))}:${port}`);
  }

  result(profile: string): ProfileResult | undefined {
    return this.#decision.result(profile);
  }

  setHeader(name: string, value: string): void {
    const lower = name.toLowerCase();
    assertHeader(lower, value);
    this.removed.delete(lower);
    this.headers.set(lower, value);
  }

  removeHeader(name: string): void {
    const lower = name.toLowerCase();
    assertHeader(lower, "");
    this.headers.delete(lower);
    this.removed.add(lower);
  }

  /** @throws RangeError for what is no port. */
  setPort(port: number): void {
    if (!Number.isInteger(port) || port < 0 || port > 65_535) throw new RangeError(`${port} is no port`);
    this.port = port;
  }

  /** @throws TypeError for a value that JSON cannot write. */
  setBodyField(name: string, value: unknown): void {
    if (JSON.stringify(value) === undefined) throw new TypeError(`the value of ${name} cannot be written as JSON`);
    this.bodyFields.set(name, value);
  }
}
