import type { EndpointSpec } from "@pointsman/plugin-api";

/** Names of endpoints by what happened to them; long lists are cut. */
export interface PoolChange {
  readonly total: number;
  readonly added: readonly string[];
  readonly removed: readonly string[];
  /** Same name, another address or other labels. */
  readonly changed: readonly string[];
}

const mostNames = 20;

/** What is different between two sets; undefined when nothing is. */
export function describeChange(
  before: readonly EndpointSpec[],
  after: readonly EndpointSpec[],
): PoolChange | undefined {
  const old = new Map(before.map((spec) => [idOf(spec), fingerprint(spec)]));
  const added: string[] = [];
  const changed: string[] = [];
  for (const spec of after) {
    const id = idOf(spec);
    const previous = old.get(id);
    if (previous === undefined) added.push(id);
    else if (previous !== fingerprint(spec)) changed.push(id);
    old.delete(id);
  }
  const removed = [...old.keys()];
  if (added.length + removed.length + changed.length === 0) return undefined;
  return { total: after.length, added: cut(added), removed: cut(removed), changed: cut(changed) };
}

function idOf(spec: EndpointSpec): string {
  return `${spec.namespace}/${spec.name}`;
}

function fingerprint({ host, port, labels }: EndpointSpec): string {
  const sorted = Object.entries(labels ?? {}).sort(([a], [b]) => (a < b ? -1 : 1));
  return JSON.stringify([host, port, sorted]);
}

function cut(names: string[]): string[] {
  return names.length <= mostNames ? names : [...names.slice(0, mostNames), `and ${names.length - mostNames} more`];
}
