/**
 * The sidecar beside a decode server: runs the prefill leg elsewhere and the decode leg here.
 *
 * @packageDocumentation
 */
export { moriioRank } from "./connectors/moriio.ts";
export { p2pPort } from "./connectors/p2p.ts";
export { parseTarget } from "./http/target.ts";
export { main } from "./main.ts";
export type { Levels } from "./metrics.ts";
export { sidecarFlags } from "./options/flags.ts";
export { type CommandLine, type Environment, parseCommandLine } from "./options/parse-command-line.ts";
export { parsePoolName, type Settings } from "./options/settings.ts";
export type { AllowedHosts } from "./ssrf/allowed-hosts.ts";
export type { PoolWatch } from "./ssrf/choose-guard.ts";
export { type PoolSelector, parseInferencePool } from "./ssrf/parse-inference-pool.ts";
export { type Sidecar, type SidecarOptions, startSidecar } from "./start-sidecar.ts";
