const KEY = "llm-d.ai/active-ports";
const LEGACY_KEY = "inference.networking.k8s.io/active-ports";

/**
 * Which target ports of a pod are in use: an annotation may restrict them by a comma list. The legacy name counts only
 * where the new one is absent; what is no target port is ignored; an empty list means none.
 *
 * @returns indexes into `targetPorts`, ascending: the ranks that the pod serves
 */
export function activeRanks(
  annotations: Readonly<Record<string, string>>,
  targetPorts: readonly number[],
): readonly number[] {
  const all = targetPorts.map((_, rank) => rank);
  const text = annotations[KEY] ?? annotations[LEGACY_KEY];
  if (text === undefined) return all;
  const active = new Set(
    text
      .split(",")
      .map((port) => port.trim())
      .filter((port) => /^\d{1,5}$/.test(port))
      .map(Number),
  );
  return all.filter((rank) => active.has(targetPorts[rank]!));
}
