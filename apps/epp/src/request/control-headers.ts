import type { HeaderList } from "@pointsman/ext-proc";

/** What a client may ask of the picker by header. The current name comes first and wins over its older alias. */
export const controlHeaders = {
  objective: ["x-llm-d-inference-objective", "x-gateway-inference-objective"],
  fairness: ["x-llm-d-inference-fairness-id", "x-gateway-inference-fairness-id"],
  rewrite: ["x-llm-d-model-name-rewrite", "x-gateway-model-name-rewrite"],
  "slo-ttft": ["x-llm-d-slo-ttft-ms", "x-slo-ttft-ms"],
  "slo-tpot": ["x-llm-d-slo-tpot-ms", "x-slo-tpot-ms"],
  profile: ["epp-profile"],
} as const satisfies Readonly<Record<string, readonly string[]>>;

export type ControlHeader = keyof typeof controlHeaders;

/** Headers that only the picker and the proxy may set: a client that sends one is trying to route by itself. */
const routingHeaders = [
  "x-gateway-destination-endpoint",
  "x-gateway-destination-endpoint-served",
  "x-gateway-destination-endpoint-subset",
  "x-prefiller-host-port",
  "x-prefiller-url",
  "x-encoder-hosts-ports",
  "x-data-parallel-host-port",
  "x-kv-cache-source-host-port",
  "x-llm-d-request-dropped-reason",
] as const;

const removable: ReadonlySet<string> = new Set([...routingHeaders, ...Object.values(controlHeaders).flat()]);

/** Which control headers are honoured: the value of `--trust-request-headers`. */
export type TrustedHeaders = ReadonlySet<ControlHeader>;

export const allControlHeaders: TrustedHeaders = new Set(Object.keys(controlHeaders) as ControlHeader[]);

/** Value of a control header that is trusted and not empty. */
export function readControl(headers: HeaderList, name: ControlHeader, trusted: TrustedHeaders): string | undefined {
  if (!trusted.has(name)) return undefined;
  for (const header of controlHeaders[name]) {
    const value = headers.get(header);
    if (value !== undefined && value !== "") return value;
  }
  return undefined;
}

/** Names of all control headers that are not honoured: plugins must not see them either. */
export function distrusted(trusted: TrustedHeaders): ReadonlySet<string> {
  const names = Object.entries(controlHeaders).filter(([name]) => !trusted.has(name as ControlHeader));
  return new Set(names.flatMap(([, headers]) => headers));
}

/** Names present in the request that must not reach the model server. */
export function headersToRemove(headers: HeaderList): string[] {
  const names = new Set<string>();
  for (const [name] of headers) if (removable.has(name)) names.add(name);
  return [...names];
}
