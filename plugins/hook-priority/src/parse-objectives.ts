import { isAlias, isMap, isScalar, LineCounter, type Node, parseDocument } from "yaml";
import { isPriority, MAX_PRIORITY, MIN_PRIORITY } from "./priority.ts";

/** Objective → priority. */
export type Objectives = ReadonlyMap<string, number>;

/** What is wrong with a file, and where: line and column count from 1. */
export interface ObjectivesProblem {
  readonly line: number;
  readonly column: number;
  readonly message: string;
}

export type ParsedObjectives =
  | { readonly objectives: Objectives }
  | { readonly problems: readonly ObjectivesProblem[] };

/** Reads the text of an objectives file, YAML or JSON: `objectives: {name: priority}`. All problems are reported. */
export function parseObjectives(text: string): ParsedObjectives {
  const lines = new LineCounter();
  // Its own search for repeated keys takes quadratic time; the names are compared below.
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, uniqueKeys: false });
  const problems: ObjectivesProblem[] = [];
  const report = (offset: number, message: string): void => {
    const { line, col } = lines.linePos(offset);
    problems.push({ line: Math.max(1, line), column: Math.max(1, col), message });
  };
  for (const { pos, message } of document.errors) report(pos[0], message);
  if (problems.length > 0) return { problems };

  const { contents } = document;
  const objectives = new Map<string, number>();
  if (!isMap<Node, Node | null>(contents)) {
    report(startOf(contents), "expected `objectives:` with a priority for each name");
    return { problems };
  }
  let found = false;
  for (const { key, value } of contents.items) {
    if (!isScalar(key) || key.value !== "objectives") {
      report(startOf(key), `unknown field ${String(key)}; only \`objectives\` is known`);
    } else if (found) {
      report(startOf(key), "`objectives` is there twice");
    } else if (!isMap<Node, Node | null>(value)) {
      found = true;
      report(startOf(value ?? key), "`objectives` must map names to priorities");
    } else {
      found = true;
      for (const { key: name, value: given } of value.items) {
        const priority = isAlias(given) ? given.resolve(document) : given;
        if (!isScalar(name) || name.value === null || name.value === "") {
          report(startOf(name), "the name of an objective must be a string that is not empty");
        } else if (!isScalar(priority) || !isPriority(priority.value)) {
          const what = `the priority of ${String(name.value)} must be an integer from ${MIN_PRIORITY} to ${MAX_PRIORITY}`;
          report(startOf(given ?? name), what);
        } else if (objectives.has(String(name.value))) {
          report(startOf(name), `${String(name.value)} is listed twice`);
        } else {
          objectives.set(String(name.value), priority.value);
        }
      }
    }
  }
  if (!found && problems.length === 0) report(startOf(contents), "the field `objectives` is missing");
  return problems.length > 0 ? { problems } : { objectives };
}

function startOf(node: Node | null | undefined): number {
  return node?.range?.[0] ?? 0;
}
