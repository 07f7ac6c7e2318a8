import { parseArgs } from "node:util";
import { isKind, isLanguage, type Kind, kinds, type Language, languages } from "./kinds.ts";
import { Refusal } from "./refusal.ts";
import { suggest } from "./suggest.ts";

/** What the command line says; what it does not say is undefined. */
export interface Flags {
  readonly help: boolean;
  readonly name: string | undefined;
  readonly kind: Kind | undefined;
  readonly language: Language | undefined;
  readonly scope: string | undefined;
  readonly dir: string | undefined;
  readonly yes: boolean;
  readonly install: boolean;
}

const options = {
  kind: { type: "string" },
  language: { type: "string" },
  scope: { type: "string" },
  dir: { type: "string" },
  yes: { type: "boolean", short: "y" },
  "no-install": { type: "boolean" },
  help: { type: "boolean", short: "h" },
} as const;

export const helpText = `Usage: npm create pointsman-plugin [NAME] -- [flags]

Makes a complete Pointsman plugin package in a new folder. In a terminal it asks for what is missing.

Flags:
  --kind KIND        ${kinds.join(", ")}
  --language LANG    ts (default) or js
  --scope @SCOPE     scope of the package's name
  --dir DIR          folder to make; default: the name without its scope
  --yes, -y          ask nothing, take the defaults: a scorer in TypeScript called my-scorer
  --no-install       do not install the dependencies
  --help, -h         this text

Example:
  npm create pointsman-plugin my-scorer -- --kind scorer
`;

/** @throws Refusal for the first mistake. */
export function parseFlags(argv: readonly string[]): Flags {
  const { tokens } = parseArgs({ args: [...argv], options, strict: false, allowPositionals: true, tokens: true });
  const texts = new Map<string, string>();
  const given = new Set<string>();
  const names: string[] = [];
  for (const token of tokens) {
    if (token.kind === "positional") names.push(token.value);
    if (token.kind !== "option") continue;
    const option = Object.hasOwn(options, token.name) ? options[token.name as keyof typeof options] : undefined;
    if (option === undefined) throw unknownFlag(token.rawName);
    if (option.type === "boolean") {
      if (token.value !== undefined) throw wrongValue(`${token.rawName} takes no value.`);
      given.add(token.name);
      continue;
    }
    // Where the value was forgotten, the next flag stands in its place.
    if (token.value === undefined || token.value === "" || (!token.inlineValue && token.value.startsWith("-"))) {
      throw wrongValue(`${token.rawName} needs a value.`);
    }
    texts.set(token.name, token.value);
  }
  if (names.length > 1) {
    const hint = "flags stand behind a lone -- : npm create pointsman-plugin NAME -- --kind scorer";
    throw new Refusal(
      "POINTSMAN_CLI_FLAG_CONFLICT",
      `One name is enough; there are ${names.length}: ${names.join(", ")}.`,
      [hint],
    );
  }
  return {
    help: given.has("help"),
    name: names[0],
    kind: choice("kind", texts.get("kind"), kinds, isKind),
    language: choice("language", texts.get("language"), languages, isLanguage),
    scope: texts.get("scope"),
    dir: texts.get("dir"),
    yes: given.has("yes"),
    install: !given.has("no-install"),
  };
}

function choice<Value extends string>(
  flag: string,
  text: string | undefined,
  values: readonly Value[],
  isValue: (text: string) => text is Value,
): Value | undefined {
  if (text === undefined || isValue(text)) return text;
  const near = suggest(text, values).map((value) => `did you mean  ${value}`);
  throw wrongValue(`--${flag}: "${text}" is none of ${values.join(", ")}.`, near);
}

function unknownFlag(rawName: string): Refusal {
  const near = suggest(rawName.replace(/^-+/, ""), Object.keys(options)).map((name) => `did you mean  --${name}`);
  return new Refusal("POINTSMAN_CLI_UNKNOWN_FLAG", `There is no flag ${rawName}.`, [...near, "--help lists the flags"]);
}

function wrongValue(message: string, notes: readonly string[] = []): Refusal {
  return new Refusal("POINTSMAN_CLI_FLAG_VALUE", message, notes);
}
