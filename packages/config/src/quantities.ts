/** A text that is no duration or no quantity. The message is a sentence for the person who wrote the text. */
export class ValueFault extends Error {
  override readonly name = "ValueFault";
}

const unitInMs: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  μs: 1e-3,
  ms: 1,
  s: 1_000,
  m: 60_000,
  h: 3_600_000,
};

const longestText = 64;

/**
 * A duration as Go writes it (`50ms`, `1m30s`, `1.5h`, `0`), in milliseconds, which may be fractional.
 * Units: ns, us, ms, s, m, h. No sign: nothing here can last less than nothing.
 *
 * @throws ValueFault
 */
export function parseDuration(text: string): number {
  const shown = quoted(text);
  if (text === "0") return 0;
  if (text === "") throw new ValueFault("a duration is empty; write a number and a unit, such as 50ms or 1m30s");
  if (text.startsWith("-")) throw new ValueFault(`${shown} is negative; a duration is not`);
  if (/^[\d.]+$/.test(text)) throw new ValueFault(`${shown} has no unit; write ${text}ms or ${text}s`);
  const part = /(\d+(?:\.\d*)?|\.\d+)([a-zµμ]+)/y;
  let total = 0;
  while (text.length <= longestText && part.lastIndex < text.length) {
    const match = part.exec(text);
    if (match === null) break;
    const unit = Object.hasOwn(unitInMs, match[2]!) ? unitInMs[match[2]!] : undefined;
    if (unit === undefined) {
      throw new ValueFault(`${shown} has the unknown unit ${quoted(match[2]!)}; units are ns, us, ms, s, m and h`);
    }
    total += Number(match[1]) * unit;
    if (part.lastIndex === text.length) {
      if (total > Number.MAX_SAFE_INTEGER) throw new ValueFault(`${shown} is too long`);
      return total;
    }
  }
  throw new ValueFault(`${shown} is not a duration; write a number and a unit, such as 50ms or 1m30s`);
}

const suffixes: Readonly<Record<string, number>> = {
  "": 1,
  k: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
  P: 1e15,
  E: 1e18,
  Ki: 2 ** 10,
  Mi: 2 ** 20,
  Gi: 2 ** 30,
  Ti: 2 ** 40,
  Pi: 2 ** 50,
  Ei: 2 ** 60,
};

/**
 * A quantity as Kubernetes writes it, as a whole number: bytes where it is a size. `10485760`, `10Mi`, `10MiB` are
 * equal, `20M` and `20MB` are 20 000 000; decimals (`1.5Gi`) and exponents (`2e6`) are allowed.
 *
 * @throws ValueFault for a negative, fractional or unsafe (above 2^53 − 1) number, and for anything else
 */
export function parseQuantity(text: string): number {
  const shown = quoted(text);
  if (text === "") throw new ValueFault("a quantity is empty; write a number such as 1000 or 10Mi");
  if (text.startsWith("-")) throw new ValueFault(`${shown} is negative; a quantity is not`);
  const match = text.length > longestText ? null : /^(\d+(?:\.\d*)?|\.\d+)(e\d{1,3}|E\d{1,3})?([A-Za-z]*)$/.exec(text);
  if (match === null) throw new ValueFault(`${shown} is not a quantity; write a number such as 1000 or 10Mi`);
  const [, number, exponent = "", written = ""] = match;
  const suffix = written.endsWith("B") && written !== "B" ? written.slice(0, -1) : written;
  const factor = Object.hasOwn(suffixes, suffix) ? suffixes[suffix] : undefined;
  if (factor === undefined || (exponent !== "" && suffix !== "")) {
    throw new ValueFault(`${shown} has the unknown unit ${quoted(written)}; units are k, M, G, T and Ki, Mi, Gi, Ti`);
  }
  const value = Number(`${number}${exponent}`) * factor;
  if (value > Number.MAX_SAFE_INTEGER) throw new ValueFault(`${shown} is too large`);
  // 0.1M is 100 000, though 0.1 has no exact binary form.
  const whole = Math.round(value);
  const tolerance = Math.max(1e-9, value * 1e-12);
  if (Math.abs(value - whole) > tolerance || (whole === 0 && value > 0))
    throw new ValueFault(`${shown} is not a whole number`);
  return whole;
}

function quoted(text: string): string {
  return JSON.stringify(text.length > longestText ? `${text.slice(0, longestText)}…` : text);
}
