import { randomInt } from "node:crypto";
import type { HostPort } from "@pointsman/plugin-api";
import { Refusal } from "../http/own-answers.ts";
import { formatTarget, parseTarget } from "../http/target.ts";
import type { Parts, Rank } from "./parts.ts";
import { parseKvSource, type Routing } from "./routing-headers.ts";

/** The routing headers, judged. */
export interface Targets {
  /** In the order in which they are tried; empty: no prefill. */
  readonly prefillers: readonly HostPort[];
  readonly encoders: readonly HostPort[];
  readonly kvSource: HostPort | undefined;
  /** The model server that decodes, when the rank header names one. */
  readonly ranked: HostPort | undefined;
}

/** An unknown rank: 400 with an empty body, as llm-d's sidecar answers it. */
export class UnknownRank extends Error {}

/**
 * @throws Refusal 403 when the first prefill server is not allowed, 400 when none of them is an address
 * @throws UnknownRank
 */
export function chooseTargets(
  { settings, guard, metrics, connector, encoderConnector }: Parts,
  rank: Rank,
  routing: Routing,
): Targets {
  const allowed = (target: HostPort, stage: Parameters<typeof metrics.targetDenied>[0]): boolean => {
    if (guard.allows(target)) return true;
    metrics.targetDenied(stage);
    return false;
  };
  const listed = ordered(routing.prefillers, settings["enable-prefiller-sampling"]);
  const named = distinct(listed.flatMap((text) => parseTarget(text) ?? []));
  if (listed.length > 0 && named.length === 0) {
    throw new Refusal(400, `The prefill target ${JSON.stringify(listed[0]!.slice(0, 80))} is no HOST:PORT.`);
  }
  const prefillers = named.filter((target) => allowed(target, "prefill"));
  // The one that was chosen decides; the others are only there in case it fails.
  if (named.length > 0 && prefillers[0] !== named[0]) {
    throw new Refusal(403, "Forbidden: prefill target not allowed by SSRF protection");
  }
  const source = connector.pull === undefined ? undefined : parseKvSource(routing.kvSource);
  const encoders = encoderConnector === undefined ? [] : routing.encoders.flatMap((text) => parseTarget(text) ?? []);
  return {
    prefillers,
    kvSource: source !== undefined && allowed(source, "kv-source") ? source : undefined,
    encoders: encoders.filter((target) => allowed(target, "encode")),
    ranked: rankOf(rank, routing),
  };
}

function rankOf({ others }: Rank, { rank }: Routing): HostPort | undefined {
  if (others === undefined || rank === undefined) return undefined;
  const target = others(rank);
  if (target === undefined) throw new UnknownRank();
  return target;
}

/** As listed, or beginning with a random one. */
function ordered(list: readonly string[], sampling: boolean): readonly string[] {
  if (!sampling || list.length < 2) return list;
  const first = randomInt(list.length);
  return [...list.slice(first), ...list.slice(0, first)];
}

function distinct(targets: readonly HostPort[]): HostPort[] {
  return [...new Map(targets.map((target) => [formatTarget(target), target])).values()];
}
