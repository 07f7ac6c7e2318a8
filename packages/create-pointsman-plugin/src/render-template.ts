import type { Kind, Language } from "./kinds.ts";
import { parseNames } from "./names.ts";
import { packageManifest } from "./package-manifest.ts";
import { readKindFacts, readTemplateFiles, readVersions } from "./template-files.ts";

export interface TemplateOptions {
  /** Name of the package, with or without a scope. */
  readonly name: string;
  readonly kind: Kind;
  readonly language: Language;
  /** `@acme` or `acme`; a scope in {@link name} wins. */
  readonly scope?: string;
}

const BUILD_TEXT: Readonly<Record<Language, string>> = {
  ts: "compiles, and writes the schema and the option table above",
  js: "writes the schema and the option table above",
};

/**
 * The files of a new plugin package: texts by path relative to the package. Depends on its argument alone, reads
 * nothing but this package's own templates and writes nothing.
 *
 * @throws TypeError when the name cannot be that of a package.
 */
export function renderTemplate({ name, kind, language, scope }: TemplateOptions): Map<string, string> {
  const names = parseNames(name, kind, scope);
  const values: Readonly<Record<string, string>> = {
    __PACKAGE__: names.packageName,
    __TYPE__: names.type,
    __IDENTIFIER__: names.identifier,
    __OWNER__: names.owner,
    __BUILD__: BUILD_TEXT[language],
  };
  const fill = (text: string): string =>
    text.replace(/__[A-Z]+__/g, (placeholder) => values[placeholder] ?? placeholder);

  const manifest = packageManifest(names, language, readKindFacts(kind), readVersions());
  const files = new Map([["package.json", `${JSON.stringify(manifest, null, 2)}\n`]]);
  const templates = readTemplateFiles(kind, language);
  const development = templates.get("_development.md") ?? "";
  templates.delete("_development.md");
  for (const [path, text] of templates) {
    const whole = path === "README.md" ? `# __PACKAGE__\n\n${text.trimEnd()}\n\n${development}` : text;
    // npm leaves `.gitignore` out of what it packs: such files have another name in the template.
    files.set(fill(path).replace(/^_/, "."), fill(whole));
  }
  return files;
}
