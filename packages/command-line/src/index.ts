export type { FlagSpec, FlagSpecs, FlagValues } from "./flags.ts";
export { defineFlags } from "./flags.ts";
export type { Signals } from "./listen-for-signals.ts";
export { listenForSignals } from "./listen-for-signals.ts";
export type { ParsedFlags } from "./parse-flags.ts";
export { parseFlags } from "./parse-flags.ts";
export type { HelpPage } from "./render-help.ts";
export { renderHelp } from "./render-help.ts";
