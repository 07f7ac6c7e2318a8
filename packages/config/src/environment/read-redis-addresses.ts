import { mask } from "@pointsman/diagnostics";
import type { Traced, VariableReader } from "./variable-reader.ts";
import { prefillRedisAddress, redisAddress } from "./variables.ts";

/** An address of Redis. Its value may hold a password; `shown` does not. */
export interface RedisAddress extends Traced<string> {
  readonly shown: string;
}

export interface RedisAddresses {
  readonly decode: RedisAddress | undefined;
  /** The prefill side's own address, else that of the decode side. */
  readonly prefill: RedisAddress | undefined;
  /** The variable to set where there is none. */
  readonly missing: string;
  reportUnused(hasScorer: boolean, pd: boolean): void;
}

const addressForm =
  /^(?:(?:(?:redis|valkey)s?|rediss?\+(?:cluster|sentinel)):\/\/(?:[^@/?#\s]*@)?[^@/?#\s:][^@?#\s]*|unix:\/\/(?:[^@/?#\s]*@)?\/[^?#\s]+)(?:\?\S*)?$/i;

/** Reads the addresses of the shared index. One that is no address is reported by its variable, never by its value. */
export function readRedisAddresses(reader: VariableReader): RedisAddresses {
  const read = (variable: string): RedisAddress | undefined => {
    const text = reader.text(variable);
    if (text === undefined) return undefined;
    const address = parseRedisAddress(text.value);
    if (address !== undefined) return { ...text, ...address };
    const message = `${variable} is no address of a Redis server.`;
    reader.report("POINTSMAN_ENV_VALUE", variable, message, {
      hint: "Write host:port, redis://, rediss:// or unix://.",
    });
    return undefined;
  };
  const decode = read(redisAddress);
  const prefill = read(prefillRedisAddress);
  return {
    decode,
    prefill: prefill ?? decode,
    missing: redisAddress,
    reportUnused(hasScorer, pd) {
      const unused = [
        ...(hasScorer ? [] : [{ variable: redisAddress, why: "no KVCACHE_AWARE_SCORER is on" }]),
        ...(hasScorer && pd ? [] : [{ variable: prefillRedisAddress, why: "no prefill side asks a Redis" }]),
      ];
      for (const { variable, why } of unused) {
        if (reader.isSet(variable))
          reader.report("POINTSMAN_ENV_IGNORED", variable, `${variable} has no effect: ${why}.`);
      }
    },
  };
}

/**
 * The address as a URL, and as it may be shown; undefined for what cannot be one. A bare `host:port` is `redis://`. The
 * rest is left to the plugin that dials it.
 */
export function parseRedisAddress(text: string): { value: string; shown: string } | undefined {
  const value = /^[a-z+]+:\/\//i.test(text) ? text : `redis://${text}`;
  return addressForm.test(value) ? { value, shown: withoutSecrets(value) } : undefined;
}

/** Passwords stand before an `@`, wherever a sloppy address has it, or among the parameters of a query. */
function withoutSecrets(value: string): string {
  const [, scheme = "", rest = ""] = /^([a-z+]+:\/\/)(.*)$/is.exec(value) ?? [];
  const at = rest.lastIndexOf("@");
  const bare = at < 0 ? rest : `${mask}@${rest.slice(at + 1)}`;
  return scheme + bare.replace(/([?&](?:password|username)=)[^&#]*/gi, `$1${mask}`);
}
