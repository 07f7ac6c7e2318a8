/** What is shown instead of a secret; its length says nothing about the secret's. */
export const mask = "********";

/** Half-open range of UTF-16 offsets. */
export interface Span {
  readonly start: number;
  readonly end: number;
}

const secretName = /token(?!iz)|secret|passw(?:or)?d|credential|authorization|key$/i;
/** Named like a secret, but naming a label, an attribute or a header: `labelKey`, `revisionLabelKey`. */
const harmlessName = /(?:label|attribute|engine|role|revision|sort|map)[-_.]?key$/i;
/** `maxTokens: 64` counts tokens; `token: abc` is one. */
const countedName = /token/i;
const otherSecretName = /secret|passw(?:or)?d|credential|authorization|key$/i;
const plainNumber = /^[+-]?[\d_]+(?:\.\d+)?(?:e[+-]?\d+)?(?:[kmgtpe]i?b?)?$|^(?:true|false|null|~)$/i;

/** True when values under this key are never shown. Numbers and booleans under a name with "token" are. */
export function isSecretName(name: string): boolean {
  return secretName.test(name) && !harmlessName.test(name);
}

const credentialsInUrl = /\b([a-z][a-z0-9+.-]{0,30}:\/\/)[^\s/"'`]+@/gi;
const authorization = /\b(Bearer|Basic)\s+[A-Za-z0-9._~+/=-]{8,}/g;

/** Free text (a message, a hint) without credentials in URLs and without authorization values. */
export function maskText(text: string): string {
  return text.replace(credentialsInUrl, `$1${mask}@`).replace(authorization, `$1 ${mask}`);
}

// A plain key starts where a word starts, so that a long word is read once and not from each of its letters.
const keyAndColon =
  /(?:"([^"\n]{1,200})"|'([^'\n]{1,200})')[ \t]*:|(?<![\w./$-])([\w./$-]{1,200})[ \t]*:(?=[\s"'[{]|$)/g;

/**
 * Where a YAML or JSON text holds secrets: values of keys named like one, over as many lines as they go, and
 * credentials in URLs. Works on text that does not parse; where it cannot tell how far a value goes, it masks more.
 * The spans are sorted and do not overlap.
 */
export function secretSpans(text: string): readonly Span[] {
  const spans: Span[] = [];
  for (const match of text.matchAll(credentialsInUrl)) {
    spans.push({ start: match.index + match[1]!.length, end: match.index + match[0].length - 1 });
  }
  keyAndColon.lastIndex = 0;
  let match: RegExpExecArray | null;
  while ((match = keyAndColon.exec(text)) !== null) {
    const name = match[1] ?? match[2] ?? match[3] ?? "";
    if (!isSecretName(name)) continue;
    const value = valueSpan(text, match.index, keyAndColon.lastIndex);
    if (value === undefined) continue;
    const shown = text.slice(value.start, value.end);
    if (countedName.test(name) && !otherSecretName.test(name) && plainNumber.test(shown.trim())) continue;
    spans.push(value);
    keyAndColon.lastIndex = Math.max(value.end, keyAndColon.lastIndex);
  }
  return merged(spans);
}

/** The span of the value whose key starts at `keyStart` and whose colon ends at `from`; undefined when there is none. */
function valueSpan(text: string, keyStart: number, from: number): Span | undefined {
  const lineStart = text.lastIndexOf("\n", keyStart - 1) + 1;
  const keyColumn = keyStart - lineStart;
  let start = from;
  while (text[start] === " " || text[start] === "\t") start++;
  const lineEnd = endOfLine(text, start);
  const first = text[start];
  if (first === '"' || first === "'") return { start, end: endOfQuoted(text, start) };
  if (first === "[" || first === "{") return { start, end: endOfBrackets(text, start) };
  if (first === undefined || first === "\n" || first === "\r" || first === "#" || first === "|" || first === ">") {
    const end = endOfBlock(text, lineEnd, keyColumn);
    return end > lineEnd ? { start: Math.min(lineEnd + 1, end), end } : undefined;
  }
  const quotedKey = text[keyStart] === '"' || text[keyStart] === "'";
  if (quotedKey || /[{[]/.test(text.slice(lineStart, keyStart))) {
    let end = start;
    while (end < lineEnd && !",]}".includes(text[end]!)) end++;
    return { start, end };
  }
  return { start, end: endOfBlock(text, lineEnd, keyColumn) };
}

function endOfLine(text: string, from: number): number {
  const end = text.indexOf("\n", from);
  return end === -1 ? text.length : end;
}

/** The end of the lines after `lineEnd` that belong to a key in `keyColumn`: deeper ones, blank ones, list items. */
function endOfBlock(text: string, lineEnd: number, keyColumn: number): number {
  let end = lineEnd;
  while (end < text.length) {
    const next = endOfLine(text, end + 1);
    const line = text.slice(end + 1, next);
    const indent = line.length - line.trimStart().length;
    const belongs = line.trim() === "" || indent > keyColumn || (indent === keyColumn && /^\s*-(?:\s|$)/.test(line));
    if (!belongs) break;
    end = next;
  }
  return end;
}

function endOfQuoted(text: string, start: number): number {
  const quote = text[start]!;
  for (let i = start + 1; i < text.length; i++) {
    if (quote === '"' && text[i] === "\\") i++;
    else if (text[i] === quote) {
      if (quote === "'" && text[i + 1] === "'") i++;
      else return i + 1;
    }
  }
  return text.length;
}

function endOfBrackets(text: string, start: number): number {
  let depth = 0;
  for (let i = start; i < text.length; i++) {
    const char = text[i]!;
    if (char === '"' || char === "'") i = endOfQuoted(text, i) - 1;
    else if (char === "[" || char === "{") depth++;
    else if ((char === "]" || char === "}") && --depth === 0) return i + 1;
  }
  return text.length;
}

function merged(spans: Span[]): readonly Span[] {
  spans.sort((a, b) => a.start - b.start);
  const result: Span[] = [];
  for (const span of spans) {
    const last = result[result.length - 1];
    if (last !== undefined && span.start <= last.end) {
      result[result.length - 1] = { start: last.start, end: Math.max(last.end, span.end) };
    } else if (span.end > span.start) result.push(span);
  }
  return result;
}
