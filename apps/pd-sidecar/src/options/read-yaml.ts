import { type ParsedFlags, parseFlags } from "@pointsman/command-line";
import { type Diagnostic, diagnostic, suggest } from "@pointsman/diagnostics";
import { isMap, isScalar, isSeq, parseDocument } from "yaml";
import { sidecarFlags } from "./flags.ts";

type Parsed = ParsedFlags<typeof sidecarFlags>;

/** Flags that make no sense inside a configuration. */
const NOT_HERE = new Set(["configuration", "configuration-file"]);

/** Reads `flag: value` lines. A list may be a YAML list or a comma list. Unknown and repeated keys are mistakes. */
export function readYamlFlags(text: string, source: string): Parsed {
  const document = parseDocument(text, { prettyErrors: false, stringKeys: true });
  const mistakes: Diagnostic[] = document.errors.map(({ message }) => wrong(source, message));
  const root = document.contents;
  const argv: string[] = [];
  if (root !== null && !isMap(root) && !(isScalar(root) && root.value === null)) {
    mistakes.push(wrong(source, "must be a mapping of flags to values"));
  }
  for (const { key, value } of isMap(root) ? root.items : []) {
    const name = isScalar(key) ? String(key.value) : "";
    if (!Object.hasOwn(sidecarFlags, name) || NOT_HERE.has(name)) {
      const notes = suggest(name, Object.keys(sidecarFlags)).map((near) => ({ label: "did you mean", text: near }));
      const message = `${source}: there is no key "${name}".`;
      mistakes.push(diagnostic("POINTSMAN_CLI_UNKNOWN_FLAG", message, { notes }));
      continue;
    }
    const items = isSeq(value) ? value.items : [value];
    const texts = items.flatMap((item) => (isScalar(item) && item.value !== null ? [String(item.value)] : []));
    if (texts.length < items.length) mistakes.push(wrong(source, `"${name}" must have a value, or a list of values`));
    else argv.push(`--${name}=${texts.join(",")}`);
  }
  const parsed = parseFlags(sidecarFlags, argv);
  return { ...parsed, diagnostics: [...mistakes, ...parsed.diagnostics] };
}

function wrong(source: string, message: string): Diagnostic {
  return diagnostic("POINTSMAN_CLI_FLAG_VALUE", `${source}: ${message}.`);
}
