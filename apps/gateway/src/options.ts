import { parseAddress } from "./address.ts";

/** What happens to a request that the picker cannot be asked about. */
export type FailureMode =
  /** It goes to any of the static endpoints. */
  | "open"
  /** It is refused with 500, or 504 if the picker was too slow. */
  | "closed";

export interface GatewayOptions {
  /** Address to bind, for instance `127.0.0.1` or `::`. */
  readonly host: string;
  /** 0 chooses a free port. */
  readonly port: number;
  /** The picker's ext_proc port, `host:port` or `[ipv6]:port`. */
  readonly picker: string;
  /** Speak TLS to the picker. Its certificate is not verified, as in Envoy without a validation context. Default false. */
  readonly pickerTls?: boolean;
  /** Default `closed`. */
  readonly failureMode?: FailureMode;
  /** Model servers, `host:port`, to fall back to when the picker's list is used up or there is none. Default none. */
  readonly endpoints?: readonly string[];
  /** How long one answer of the picker may take, in milliseconds. Default 30 s. */
  readonly messageTimeoutMs?: number;
  /** Largest request body in bytes; 413 above it. Default 32 MiB. */
  readonly maxBodyBytes?: number;
  /** Turn the request header `x-test-subset` into the subset hint. Default false. */
  readonly testHeaders?: boolean;
  /** Told when a request failed through a fault of the gateway itself; the client got a 500. Must not throw. */
  readonly onFault?: (error: unknown) => void;
}

export type Settings = Required<GatewayOptions>;

export const DEFAULTS = {
  host: "127.0.0.1",
  port: 8081,
  picker: "127.0.0.1:9002",
  pickerTls: false,
  failureMode: "closed",
  endpoints: [],
  messageTimeoutMs: 30_000,
  maxBodyBytes: 32 * 1024 * 1024,
  testHeaders: false,
  onFault: () => {},
} as const satisfies Settings;

/**
 * Fills in the defaults.
 *
 * @throws TypeError if an address is not one or a number is out of range
 */
export function completeOptions(options: GatewayOptions): Settings {
  const settings: Settings = { ...DEFAULTS, ...options };
  for (const address of [settings.picker, ...settings.endpoints]) {
    if (parseAddress(address) === undefined) throw new TypeError(`"${address}" is no host:port`);
  }
  if (!(settings.messageTimeoutMs > 0)) throw new TypeError("messageTimeoutMs must be above 0");
  if (!(settings.maxBodyBytes >= 0)) throw new TypeError("maxBodyBytes must not be negative");
  return settings;
}
