import { randomBytes } from "node:crypto";

/**
 * JSON whose numbers come out of a chat template as Python writes them. JavaScript forgets that `1.0` is no integer and
 * loses digits above 2^53; such numbers are parsed as marked texts, which {@link restoreNumbers} turns back. The mark is
 * random, so that no client can write it.
 */
const MARK = `@number-${randomBytes(12).toString("hex")}:`;
const END = "@";

/** Numbers that JavaScript and Python may write differently: fractions of zero, exponents, many digits, minus zero. */
const SUSPECT = /\d\.0|\d[eE]|\d{16}|\d\.\d{5}|-0/;
const NUMBER = /-?\d+(\.\d+)?([eE][-+]?\d+)?/g;
const RESTORE = new RegExp(`"${MARK}([^${END}"]*)${END}"|${MARK}([^${END}"]*)${END}`, "g");

/**
 * Parses JSON; see above for numbers.
 *
 * @throws {SyntaxError} when it is none
 */
export function parseExactJson(text: string): unknown {
  const value: unknown = JSON.parse(text);
  if (!SUSPECT.test(text)) return value;
  let exact = "";
  let marked = false;
  // By hand, because an expression that also matches strings would need a stack as deep as these are long.
  for (let at = 0; at < text.length; ) {
    const quote = text.indexOf('"', at);
    const between = text.slice(at, quote < 0 ? text.length : quote);
    const replaced = between.replace(NUMBER, markNumber);
    marked ||= replaced !== between;
    at = quote < 0 ? text.length : endOfString(text, quote);
    exact += quote < 0 ? replaced : replaced + text.slice(quote, at);
  }
  return marked ? JSON.parse(exact) : value;
}

/** Index behind the string that begins at `quote`, in text that is known to be JSON. */
function endOfString(text: string, quote: number): number {
  for (let end = text.indexOf('"', quote + 1); ; end = text.indexOf('"', end + 1)) {
    let backslashes = 0;
    while (text[end - 1 - backslashes] === "\\") backslashes += 1;
    if (backslashes % 2 === 0) return end + 1;
  }
}

function markNumber(token: string, fraction?: string, exponent?: string): string {
  const python = fraction === undefined && exponent === undefined ? pythonInteger(token) : pythonFloat(Number(token));
  return python === JSON.stringify(Number(token)) ? token : `"${MARK}${python}${END}"`;
}

/** A text with the numbers that {@link parseExactJson} has marked. */
export function restoreNumbers(text: string): string {
  return text.includes(MARK)
    ? text.replace(RESTORE, (_, quoted?: string, bare?: string) => quoted ?? bare ?? "")
    : text;
}

function pythonInteger(token: string): string {
  return token === "-0" ? "0" : token;
}

/** Python's `repr` of a float: shortest digits, as in JavaScript, but another choice of when to write an exponent. */
export function pythonFloat(value: number): string {
  if (!Number.isFinite(value)) return value > 0 ? "Infinity" : "-Infinity";
  const [digits, exponentText] = value.toExponential().split("e") as [string, string];
  const exponent = Number(exponentText);
  if (value !== 0 && (exponent < -4 || exponent >= 16)) {
    return `${digits}e${exponent < 0 ? "-" : "+"}${String(Math.abs(exponent)).padStart(2, "0")}`;
  }
  const sign = Object.is(value, -0) ? "-" : "";
  const plain = exponent < 0 && value !== 0 ? fixed(value, digits, exponent) : String(value);
  return sign + (plain.includes(".") ? plain : `${plain}.0`);
}

/** Small fractions, which JavaScript writes with an exponent earlier than this. */
function fixed(value: number, digits: string, exponent: number): string {
  const significant = digits.replace(/[-.]/g, "");
  return `${value < 0 ? "-" : ""}0.${"0".repeat(-exponent - 1)}${significant}`;
}
