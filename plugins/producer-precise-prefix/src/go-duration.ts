/** Form of a duration as llm-d writes it: numbers with units, `200ms`, `1.5s`, `1m30s`. */
export const GO_DURATION = /^((\d+(\.\d*)?|\.\d+)(ns|us|µs|ms|s|m|h))+$/;

const MS_PER_UNIT: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
};

/** Milliseconds of a duration, `NaN` when the text is none. */
export function parseGoDuration(text: string): number {
  if (!GO_DURATION.test(text)) return Number.NaN;
  let ms = 0;
  for (const [, number, unit] of text.matchAll(/([\d.]+)([a-zµ]+)/g)) ms += Number(number) * MS_PER_UNIT[unit!]!;
  return ms;
}
