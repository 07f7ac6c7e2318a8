import type { ConfigPath } from "@pointsman/diagnostics";

/** Larger configurations are refused. In bytes of UTF-8. */
export const largestConfig = 1_048_576;

/** A configuration's text and where it came from. */
export interface ConfigSource {
  readonly from: "file" | "text" | "default";
  /** For people: an absolute path, `--config-text`, or `the built-in default`. */
  readonly name: string;
  readonly text: string;
  /** Absolute folder that relative paths and packages are resolved from. */
  readonly folder: string;
  /** Where in the text the configuration starts: `["pointsman"]` in a package.json, else the root. */
  readonly root: ConfigPath;
}

/** A source of `--config-text`, or of any text that has no file. */
export function textSource(text: string, folder: string, name = "--config-text"): ConfigSource {
  return { from: "text", name, text, folder, root: [] };
}

/** The source when nothing is configured. */
export function defaultSource(folder: string): ConfigSource {
  return { from: "default", name: "the built-in default", text: "", folder, root: [] };
}
