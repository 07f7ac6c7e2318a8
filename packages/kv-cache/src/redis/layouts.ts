/** Which generation of llm-d wrote the index. */
export type RedisLayoutName = "v0.1" | "v0.2" | "head";

/** An endpoint that holds a block. */
export interface BlockHolder {
  /** As the writer calls the endpoint: `ip:port`, an IP address, or a pod name. */
  readonly pod: string;
  /** `gpu`, `cpu`, …; "" where the layout does not say. Lower case. */
  readonly tier: string;
  /** Written ahead of the event, for a routed request. */
  readonly speculative: boolean;
  /** Group of a hybrid model's KV cache; undefined = none. */
  readonly group: number | undefined;
}

/** How an index lies in Redis: a hash for each block, with a field for each holder. */
export interface RedisLayout {
  readonly name: RedisLayoutName;
  /** Key of a block's hash. @param block the block's key: decimal, or hex for v0.1. */
  key(model: string, block: string): string;
  /** Matches of `SCAN`. */
  readonly pattern: string;
  /** True for keys of this layout. */
  owns(key: string): boolean;
  parseField(field: string): BlockHolder | undefined;
  /** The field of a holder, byte for byte as Go writes it. */
  field(holder: BlockHolder): string;
  value(now: Date): string;
  /** Key of the list that leads from an engine's block to ours; absent where engine keys are the block keys. */
  engineKey?(engineBlock: string): string;
}

const decimal = /^\d{1,20}$/;

/** llm-d-kv-cache of today: `<uint64>`, JSON fields, and sorted sets `engine:<uint64>`. */
const head: RedisLayout = {
  name: "head",
  key: (_model, block) => block,
  pattern: "*",
  owns: (key) => decimal.test(key),
  parseField(field) {
    let entry: Record<string, unknown>;
    try {
      entry = JSON.parse(field) as Record<string, unknown>;
    } catch {
      return undefined;
    }
    if (typeof entry !== "object" || entry === null) return undefined;
    const { PodIdentifier: pod, DeviceTier: tier, Speculative: speculative, HasGroup: hasGroup, GroupIdx } = entry;
    if (typeof pod !== "string" || pod === "") return undefined;
    return {
      pod,
      tier: typeof tier === "string" ? tier.toLowerCase() : "",
      speculative: speculative === true,
      group: hasGroup === true && typeof GroupIdx === "number" ? GroupIdx : undefined,
    };
  },
  field: ({ pod, tier, speculative, group }) =>
    asGoJson({
      PodIdentifier: pod,
      DeviceTier: tier,
      Speculative: speculative,
      HasGroup: group !== undefined,
      GroupIdx: group ?? 0,
    }),
  value: () => "",
  engineKey: (block) => `engine:${block}`,
};

/** llm-d-kv-cache-manager v0.2 and v0.3: `<model>@<uint64>`, fields `<pod>@<tier>`, values a time. */
const v02: RedisLayout = {
  name: "v0.2",
  key: (model, block) => `${model}@${block}`,
  pattern: "*@*",
  owns: (key) => decimal.test(key.slice(key.lastIndexOf("@") + 1)) && key.includes("@"),
  parseField(field) {
    const at = field.lastIndexOf("@");
    if (at <= 0) return undefined;
    return { pod: field.slice(0, at), tier: field.slice(at + 1).toLowerCase(), speculative: false, group: undefined };
  },
  field: ({ pod, tier }) => `${pod}@${tier}`,
  value: rfc3339,
};

/** llm-d-kv-cache-manager v0.1, in LMCache's form: `<model>@<sha256 in hex>`, fields the pod's IP or `ip:port`. */
const v01: RedisLayout = {
  name: "v0.1",
  key: (model, block) => `${model}@${block}`,
  pattern: "*@*",
  owns: (key) => /@[0-9a-f]{64}$/.test(key),
  parseField: (field) =>
    field === "" || /[\s{}"@]/.test(field)
      ? undefined
      : { pod: withoutPort(field), tier: "", speculative: false, group: undefined },
  field: ({ pod }) => withoutPort(pod),
  value: rfc3339,
};

export const redisLayouts: Readonly<Record<RedisLayoutName, RedisLayout>> = { "v0.1": v01, "v0.2": v02, head };

/** Everything in front of the port; an IPv6 address without brackets has none. */
export function withoutPort(address: string): string {
  if (address.startsWith("[")) return address.slice(1, address.indexOf("]"));
  const colon = address.indexOf(":");
  return colon < 0 || colon !== address.lastIndexOf(":") ? address : address.slice(0, colon);
}

/** Go's encoding/json also escapes what is special in HTML. */
function asGoJson(value: object): string {
  return JSON.stringify(value).replace(
    /[<>&\u2028\u2029]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

/** RFC 3339 as Go's `time.RFC3339` prints it: no fractions. */
function rfc3339(now: Date): string {
  return now.toISOString().replace(/\.\d{3}Z$/, "Z");
}
