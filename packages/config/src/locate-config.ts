import { accessSync } from "node:fs";
import { open, readdir } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import {
  type DiagnosticCode,
  type DiagnosticDetails,
  DiagnosticError,
  diagnostic,
  suggest,
} from "@pointsman/diagnostics";
import { cosmiconfig } from "cosmiconfig";
import { type ConfigSource, defaultSource, largestConfig, textSource } from "./source.ts";

/** What the command line says, and where it was typed. */
export interface LocateOptions {
  /** `--config-file`; a relative path counts from `cwd`. */
  readonly file?: string;
  /** `--config-text`. */
  readonly text?: string;
  /** Absolute. The search starts here and goes up to the home folder, or to the root outside of it. */
  readonly cwd: string;
}

const packageFile = "package.json";
const packageKey = "pointsman";
/** In each folder, in this order. YAML and JSON only: looking for a configuration runs no code. */
const searchPlaces = [
  "pointsman.config.yaml",
  "pointsman.config.yml",
  "pointsman.config.json",
  ".pointsmanrc",
  ".pointsmanrc.yaml",
  ".pointsmanrc.yml",
  ".pointsmanrc.json",
  packageFile,
];

/**
 * Finds the configuration and reads its text: `file` or `text` when given, else the first search place that exists,
 * else the built-in default. The text is not parsed.
 *
 * @throws DiagnosticError when both are given, or when the file is missing, unreadable, too large or not UTF-8
 */
export async function locateConfig(options: LocateOptions): Promise<ConfigSource> {
  const { file, text, cwd } = options;
  if (file !== undefined && text !== undefined) {
    fail("POINTSMAN_CONFIG_AMBIGUOUS", "Both --config-file and --config-text are given.");
  }
  if (text !== undefined) return textSource(text, cwd);
  if (file !== undefined) return readSource(resolve(cwd, file));
  const found = await search(cwd);
  return found === undefined ? defaultSource(cwd) : readSource(found);
}

async function search(from: string): Promise<string | undefined> {
  refuseForeignCode();
  // The loaders only say whether a file is one of ours; it is read and parsed with its positions later.
  const ours = (path: string): object | null => (searchPlaces.includes(basename(path)) ? {} : null);
  const never = (): null => null;
  try {
    const explorer = cosmiconfig(packageKey, {
      searchPlaces,
      searchStrategy: "global",
      // An empty file is a mistake to report, not a file to overlook.
      ignoreEmptySearchPlaces: false,
      cache: false,
      loaders: {
        ".yaml": ours,
        ".yml": ours,
        ".json": (path, content) => (basename(path) === packageFile ? packageSection(content) : ours(path)),
        noExt: ours,
        ".js": never,
        ".cjs": never,
        ".mjs": never,
        ".ts": never,
      },
    });
    const result = await explorer.search(from);
    if (result === null || !searchPlaces.includes(basename(result.filepath))) return undefined;
    const folder = dirname(result.filepath);
    const isEmptyPackage = result.isEmpty === true && basename(result.filepath) === packageFile;
    if (!isEmptyPackage) return result.filepath;
    return folder === dirname(folder) ? undefined : search(dirname(folder));
  } catch (cause) {
    fail("POINTSMAN_CONFIG_UNREADABLE", `The search for a configuration from ${from} failed.`, {
      cause,
      hint: "Name the configuration with --config-file.",
    });
  }
}

/** A package.json that does not parse is somebody else's business; it has no configuration of ours. */
function packageSection(content: string): object {
  try {
    const value: unknown = JSON.parse(content);
    const holds = typeof value === "object" && value !== null && Object.hasOwn(value, packageKey);
    return holds ? { [packageKey]: {} } : {};
  } catch {
    return {};
  }
}

/**
 * cosmiconfig lets a file of the working directory change how it searches, and runs that file when it is a script.
 * A router must not run whatever lies where it was started.
 */
function refuseForeignCode(): void {
  for (const extension of ["js", "cjs", "mjs", "ts"]) {
    const path = join(process.cwd(), ".config", `config.${extension}`);
    try {
      accessSync(path);
    } catch {
      continue;
    }
    fail("POINTSMAN_CONFIG_UNREADABLE", `The search for a configuration would run ${path}.`, {
      hint: "Name the configuration with --config-file, or start in another folder.",
    });
  }
}

async function readSource(path: string): Promise<ConfigSource> {
  let bytes: Buffer;
  try {
    bytes = await readBounded(path);
  } catch (cause) {
    const code = (cause as NodeJS.ErrnoException).code;
    if (code === "ENOENT" || code === "ENOTDIR")
      return fail("POINTSMAN_CONFIG_NOT_FOUND", `There is no file ${path}.`, await nearby(path));
    const hint = code === "EISDIR" ? { hint: "Name the file, not its folder." } : {};
    return fail("POINTSMAN_CONFIG_UNREADABLE", `${path} cannot be read.`, { cause, ...hint });
  }
  if (bytes.length > largestConfig) return fail("POINTSMAN_CONFIG_TOO_LARGE", `${path} is larger than 1 MiB.`);
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (cause) {
    return fail("POINTSMAN_CONFIG_UNREADABLE", `${path} is not UTF-8 text.`, { cause, hint: "Save it as UTF-8." });
  }
  const root = basename(path) === packageFile ? [packageKey] : [];
  return { from: "file", name: path, text, folder: dirname(path), root };
}

/** At most one byte more than allowed is read, so that a pipe or a device cannot fill the memory. */
async function readBounded(path: string): Promise<Buffer> {
  const handle = await open(path, "r");
  try {
    const buffer = Buffer.alloc(largestConfig + 1);
    let length = 0;
    while (length < buffer.length) {
      const { bytesRead } = await handle.read(buffer, length, buffer.length - length, null);
      if (bytesRead === 0) break;
      length += bytesRead;
    }
    return buffer.subarray(0, length);
  } finally {
    await handle.close();
  }
}

async function nearby(path: string): Promise<DiagnosticDetails> {
  try {
    const names = (await readdir(dirname(path))).filter((name) => /\.(?:ya?ml|json)$/.test(name));
    const near = suggest(basename(path), names);
    return near.length > 0 ? { notes: [{ label: "did you mean", text: near.join(", ") }] } : {};
  } catch {
    return { hint: "Its folder does not exist either." };
  }
}

function fail(code: DiagnosticCode, message: string, details: DiagnosticDetails = {}): never {
  throw new DiagnosticError(diagnostic(code, message, details));
}
