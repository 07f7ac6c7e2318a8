import type { FlagValues } from "@pointsman/command-line";
import { parseFlags } from "@pointsman/command-line";
import { sidecarFlags } from "./flags.ts";

type Values = FlagValues<typeof sidecarFlags>;

/** Values of the flags by name (durations in milliseconds, sizes in bytes), and what the environment adds. */
export interface Settings extends Omit<Values, "enable-ssrf-protection"> {
  /** Undefined: not said; then it is on where a source is given, and private addresses are allowed where none is. */
  readonly "enable-ssrf-protection": boolean | undefined;
  /** `POD_IP`: by which the router names this pod. */
  readonly podIp: string;
  /** `SGLANG_BOOTSTRAP_PORT`. */
  readonly sglangBootstrapPort: number;
}

export const DEFAULTS: Settings = {
  ...parseFlags(sidecarFlags, []).values,
  "enable-ssrf-protection": undefined,
  podIp: "",
  sglangBootstrapPort: 8_998,
};

/** `ns/name` or `name`, which is in the namespace `default`; undefined when nothing is named, a text when it is wrong. */
export function parsePoolName(text: string): { namespace: string; name: string } | string | undefined {
  if (text === "") return undefined;
  const parts = text.split("/");
  if (parts.length > 2) return `"${text}" has more than one slash`;
  const [namespace, name] = parts.length === 2 ? parts : ["default", parts[0]];
  return namespace && name ? { namespace, name } : `"${text}" is no NAMESPACE/NAME`;
}
