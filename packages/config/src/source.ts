import type { ConfigPath } from "@pointsman/diagnostics";
import type { JsonValue } from "./model.ts";

/** Larger configurations are refused. In bytes of UTF-8. */
export const largestConfig = 1_048_576;

/** A configuration's text and where it came from. */
export interface ConfigSource {
  readonly from: "file" | "text" | "environment" | "default";
  /** For people: an absolute path, `--config-text`, `the environment`, or `the built-in default`. */
  readonly name: string;
  readonly text: string;
  /** Absolute folder that relative paths and packages are resolved from. */
  readonly folder: string;
  /** Where in the text the configuration starts: `["pointsman"]` in a package.json, else the root. */
  readonly root: ConfigPath;
  /** Which environment variable a part of the configuration was translated from. */
  readonly origins?: readonly { readonly path: ConfigPath; readonly variable: string }[];
  /** Values that the text shows masked, such as passwords; `parseConfig` puts them in. */
  readonly secrets?: readonly { readonly path: ConfigPath; readonly value: JsonValue }[];
}

/** A source of `--config-text`, or of any text that has no file. */
export function textSource(text: string, folder: string, name = "--config-text"): ConfigSource {
  return { from: "text", name, text, folder, root: [] };
}

/** The source when nothing is configured. */
export function defaultSource(folder: string): ConfigSource {
  return { from: "default", name: "the built-in default", text: "", folder, root: [] };
}
