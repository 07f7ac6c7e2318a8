import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

export const root: string = join(import.meta.dirname, "..", "..");

/** One fenced block of a page. */
export interface CodeBlock {
  /** Path from the root. */
  readonly page: string;
  /** Line of the opening fence. */
  readonly line: number;
  readonly language: string;
  readonly text: string;
}

/** The pages whose blocks are executed. */
export const pages: readonly string[] = [
  "README.md",
  ...readdirSync(join(root, "docs"))
    .filter((name) => name.endsWith(".md"))
    .map((name) => `docs/${name}`),
];

/** Every fenced block of a page, also those that are indented in a list. */
export function codeBlocks(page: string): CodeBlock[] {
  const text = readFileSync(join(root, page), "utf8");
  return [...text.matchAll(/^([ \t]*)```(\w*)\n([\s\S]*?)^\1```/gm)].map((match) => ({
    page,
    line: text.slice(0, match.index).split("\n").length,
    language: match[2]!,
    text: match[3]!.replaceAll(new RegExp(`^${match[1]}`, "gm"), ""),
  }));
}
