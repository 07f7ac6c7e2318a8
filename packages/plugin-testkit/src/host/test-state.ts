import { type Attribute, type DataKey, definePlugin, type Plugin, type RequestKey } from "@pointsman/plugin-api";
import { parseParameters, readsWith } from "../definition.ts";
import type { PlannedInstance } from "./test-host-config.ts";

/** Instance that stands in for whoever usually writes what the plugins under test read. */
export const TEST_WRITER = "test";

/** Request-scoped values of the request that is being routed, handed to the writers that stand in. */
export interface RequestState {
  /** By endpoint id. */
  attributes: ReadonlyMap<string, readonly { readonly attribute: Attribute; readonly value: unknown }[]>;
  locals: readonly (readonly [RequestKey, unknown])[];
}

/**
 * Definitions of writers for every key that is read and not written, so that the host's graph check holds: one for all
 * keys, and one for each writer that a reader names with `from`.
 */
export function missingWriters(
  instances: readonly PlannedInstance[],
  state: RequestState,
): { readonly name: string; readonly plugin: Plugin }[] {
  const written = new Set(instances.flatMap(({ definition }) => (definition.spec.writes ?? []).map(keyOf)));
  const names = new Set(instances.map(({ name }) => name));
  const wanted = new Map<string, Map<string, DataKey>>();
  for (const key of instances.flatMap(readsOf)) {
    const writer = chosenWriter(key) ?? TEST_WRITER;
    if (names.has(writer) || (writer === TEST_WRITER && written.has(key.key))) continue;
    const keys = wanted.get(writer) ?? new Map<string, DataKey>();
    keys.set(key.key, key);
    wanted.set(writer, keys);
  }
  return [...wanted].map(([name, keys], i) => ({
    name,
    plugin: defineWriter(`test-state-${i}`, [...keys.values()], state),
  }));
}

function defineWriter(type: string, writes: readonly DataKey[], state: RequestState): Plugin {
  const perRequest = writes.some((key) => key.$$type === "pointsman/request-key" || key.scope === "request");
  return definePlugin({
    type,
    writes,
    setup() {
      if (!perRequest) return {};
      return {
        producer: {
          produce(_request, candidates, output) {
            candidates.forEach(({ id }, i) => {
              for (const { attribute, value } of state.attributes.get(id) ?? []) {
                if (writes.some(({ key }) => key === attribute.key)) output.set(i, attribute, value);
              }
            });
            for (const [key, value] of state.locals) {
              if (writes.some((declared) => declared.key === key.key)) output.setLocal(key, value);
            }
          },
        },
      };
    },
  });
}

/** What an instance reads with its parameters; nothing when those are wrong, which the host will say. */
function readsOf({ definition: { spec }, parameters }: PlannedInstance): readonly DataKey[] {
  const parsed = parseParameters(spec, parameters);
  if (!("config" in parsed)) return [];
  const { required, optional } = readsWith(spec, parsed.config);
  return [...required, ...optional];
}

function keyOf({ key }: DataKey): string {
  return key;
}

/** The instance a reader chose with `from()`. */
function chosenWriter(key: DataKey): string | undefined {
  if (key.$$type !== "pointsman/attribute" || key.source === key.key) return undefined;
  return key.source.slice(key.key.length + 1);
}
