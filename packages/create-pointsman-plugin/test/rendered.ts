import { type Kind, kinds, type Language, languages } from "../src/kinds.ts";

/** All that can be asked for. */
export const combinations: readonly { readonly kind: Kind; readonly language: Language }[] = kinds.flatMap((kind) =>
  languages.map((language) => ({ kind, language })),
);

/** A file that must be there. */
export function textOf(files: ReadonlyMap<string, string>, path: string): string {
  const text = files.get(path);
  if (text === undefined) throw new Error(`no ${path} among ${[...files.keys()].join(", ")}`);
  return text;
}
