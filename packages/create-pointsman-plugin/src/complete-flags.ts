import {
  isKind,
  isLanguage,
  type Kind,
  kindInName,
  kinds,
  kindTexts,
  type Language,
  languages,
  languageTexts,
} from "./kinds.ts";
import { faultOfPackageName, withScope } from "./names.ts";
import type { Flags } from "./parse-flags.ts";
import { Refusal } from "./refusal.ts";
import { suggest } from "./suggest.ts";
import { createAsker, type Terminal } from "./terminal.ts";

/** Everything that decides what is made. */
export interface Request {
  readonly name: string;
  readonly kind: Kind;
  readonly language: Language;
  readonly scope: string | undefined;
}

/**
 * Fills in what the flags leave open: asks where there is somebody to ask, takes defaults with `--yes`, and refuses
 * otherwise, save that the language is TypeScript.
 *
 * @param terminal undefined when nobody can be asked.
 * @throws Refusal when something is missing, or the name cannot be that of a package.
 * @throws Cancelled when the person gives up.
 */
export async function completeFlags(flags: Flags, terminal: Terminal | undefined): Promise<Request> {
  const { scope } = flags;
  if (flags.name !== undefined) assertName(flags.name, scope);
  if (flags.yes || terminal === undefined) return withoutAsking(flags);
  const asker = createAsker(terminal);
  try {
    const name =
      flags.name ?? (await asker.ask("Name of the package?", `my-${flags.kind ?? "scorer"}`, nameFrom(scope)));
    const kind = flags.kind ?? (await askKind(asker, kindInName(name) ?? "scorer", terminal));
    const language = flags.language ?? (await askLanguage(asker, terminal));
    return { name, kind, language, scope };
  } finally {
    asker.close();
  }
}

function withoutAsking({ name, kind, language, scope, yes }: Flags): Request {
  const lacking = (what: string, hint: string): Refusal => new Refusal("POINTSMAN_CLI_FLAG_MISSING", what, [hint]);
  if (yes) {
    const chosen = kind ?? kindInName(name ?? "") ?? "scorer";
    return { name: name ?? `my-${chosen}`, kind: chosen, language: language ?? "ts", scope };
  }
  if (name === undefined) {
    throw lacking(
      "The name is missing, and there is no terminal to ask.",
      "npm create pointsman-plugin NAME -- --kind KIND",
    );
  }
  if (kind === undefined) {
    throw lacking(
      "--kind is missing, and there is no terminal to ask.",
      `it is one of ${kinds.join(", ")}; --yes takes the default`,
    );
  }
  return { name, kind, language: language ?? "ts", scope };
}

function assertName(name: string, scope: string | undefined): void {
  const full = withScope(name, scope);
  const fault = faultOfPackageName(full);
  if (fault === undefined) return;
  const from = full === name ? "" : " (from --scope)";
  throw new Refusal("POINTSMAN_CLI_FLAG_VALUE", `No package can be called "${full}"${from}: the name ${fault}.`, [
    `a name that fits  ${suggestedName(name)}`,
  ]);
}

function nameFrom(scope: string | undefined) {
  return (answer: string) => {
    const fault = faultOfPackageName(withScope(answer, scope));
    return fault === undefined ? { value: answer } : { fault: `That ${fault}.` };
  };
}

/** A similar name that npm allows. */
function suggestedName(name: string): string {
  const bare = name.toLowerCase().replace(/^@[^/]*\//, "");
  const made = bare
    .split(/[^a-z0-9]+/)
    .filter(Boolean)
    .join("-")
    .slice(0, 60);
  return faultOfPackageName(made) === undefined ? made : `my-${made || "plugin"}`;
}

type Asking = ReturnType<typeof createAsker>;

function askKind(asker: Asking, preset: Kind, { output }: Terminal): Promise<Kind> {
  for (const kind of kinds) output.write(`  ${kind.padEnd(10)}${kindTexts[kind]}\n`);
  return asker.ask("Kind?", preset, (answer) => (isKind(answer) ? { value: answer } : none(answer, kinds)));
}

function askLanguage(asker: Asking, { output }: Terminal): Promise<Language> {
  for (const language of languages) output.write(`  ${language.padEnd(10)}${languageTexts[language]}\n`);
  return asker.ask("Language?", "ts", (answer) => (isLanguage(answer) ? { value: answer } : none(answer, languages)));
}

function none(answer: string, values: readonly string[]): { readonly fault: string } {
  const [near] = suggest(answer, values);
  return { fault: near === undefined ? `It is one of ${values.join(", ")}.` : `Did you mean ${near}?` };
}
