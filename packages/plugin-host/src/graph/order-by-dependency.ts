/** Groups names so that each stands after everything it depends on; the members of a level do not depend on another. */
export function orderByDependency(
  names: readonly string[],
  dependenciesOf: (name: string) => readonly string[],
): { readonly levels: readonly (readonly string[])[] } | { readonly cycle: readonly string[] } {
  const known = new Set(names);
  const waiting = new Map(
    names.map((name) => [name, new Set(dependenciesOf(name).filter((other) => known.has(other)))]),
  );
  const levels: string[][] = [];
  while (waiting.size > 0) {
    const level = [...waiting].filter(([, dependencies]) => dependencies.size === 0).map(([name]) => name);
    if (level.length === 0) return { cycle: findCycle(waiting) };
    for (const name of level) waiting.delete(name);
    for (const dependencies of waiting.values()) for (const name of level) dependencies.delete(name);
    levels.push(level);
  }
  return { levels };
}

/** Every name that is left waits for another one that is left: following them must come back to a name seen before. */
function findCycle(waiting: ReadonlyMap<string, ReadonlySet<string>>): string[] {
  const path: string[] = [];
  let at = waiting.keys().next().value as string;
  while (!path.includes(at)) {
    path.push(at);
    at = waiting.get(at)?.values().next().value as string;
  }
  return [...path.slice(path.indexOf(at)), at];
}
