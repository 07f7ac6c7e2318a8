/** Priorities are 32-bit integers, as `spec.priority` of an InferenceObjective is. */
export const MIN_PRIORITY = -2_147_483_648;
export const MAX_PRIORITY = 2_147_483_647;

/** True for what can be a priority. */
export function isPriority(value: unknown): value is number {
  return Number.isInteger(value) && (value as number) >= MIN_PRIORITY && (value as number) <= MAX_PRIORITY;
}

/** The integer a header carries, moved into the bounds; undefined when the header carries none. */
export function parsePriorityHeader(value: string | undefined, min: number, max: number): number | undefined {
  if (value === undefined) return undefined;
  const text = value.trim();
  if (!/^-?\d+$/.test(text)) return undefined;
  // `+ 0`: "-0" is 0.
  return Math.min(max, Math.max(min, Number(text))) + 0;
}
