import {
  type Capabilities,
  type Clock,
  core,
  type DataKey,
  defineRequestKey,
  type SetupContext,
} from "@pointsman/plugin-api";
import type { Affinity } from "./affinity.ts";
import { createEndpointHeaderAffinity } from "./endpoint-header-affinity.ts";
import type { AffinityOptions } from "./options.ts";
import { SessionIdAffinity, type Visit } from "./session-id-affinity.ts";
import { createSessionIdReader, requestKeysOf } from "./session-id-sources.ts";
import { SessionTable } from "./session-table.ts";

export const affinityNeeds = { clock: core.clock };

type Context = SetupContext<AffinityOptions, typeof affinityNeeds>;

/** The request keys from which the session id is taken. */
export function affinityReads({ strategy, sessionIdConfig }: AffinityOptions): readonly DataKey[] {
  return strategy === "session_id" ? requestKeysOf(sessionIdConfig.sources) : [];
}

/** What both types have in common: the affinity, and the hooks that keep it up to date. */
export function setUpAffinity(context: Context): { readonly affinity: Affinity; readonly hooks: Capabilities } {
  const { config, instance } = context;
  // Two instances may look at one request, say one per profile: each has keys of its own.
  const suffix = Buffer.from(instance.name).toString("hex");
  if (config.strategy === "encoded_endpoint_header") {
    return withHooks(
      createEndpointHeaderAffinity({
        header: config.encodedEndpointHeaderConfig.header.toLowerCase(),
        profileName: config.profileName,
        choiceKey: defineRequestKey<string>({ id: `pointsman/session-choice.${suffix}`, major: 1 }),
      }),
    );
  }
  const table = createTable(context);
  const affinity = new SessionIdAffinity({
    table,
    sessionOf: createSessionIdReader(config.sessionIdConfig.sources),
    profileName: config.profileName,
    visitKey: defineRequestKey<Visit>({ id: `pointsman/session-visit.${suffix}`, major: 1 }),
  });
  return withHooks(affinity, { handOver: () => table });
}

function createTable({ config, needs, onStop, previous }: Context): SessionTable {
  const clock: Clock = needs.clock;
  const { evictionTtlSeconds, evictionSweepSeconds, maxSessions } = config.sessionIdConfig;
  const table = new SessionTable(
    { ttlMs: evictionTtlSeconds * 1_000, maxSessions },
    previous instanceof SessionTable ? previous : undefined,
  );
  onStop(clock.every(evictionSweepSeconds * 1_000, () => table.sweep(clock.now())));
  return table;
}

function withHooks(affinity: Affinity, lifecycle: Pick<Capabilities, "handOver"> = {}) {
  const { postChoice, responseHeaders, afterResponse } = affinity;
  return { affinity, hooks: { ...lifecycle, postChoice, responseHeaders, afterResponse } };
}
