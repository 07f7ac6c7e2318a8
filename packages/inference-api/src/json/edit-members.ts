import { asBuffer, COMMA, OPEN_BRACE, QUOTE, skipBlanks } from "./bytes.ts";
import { isJsonFault, type JsonFault } from "./fault.ts";
import { defineFields, type Span } from "./fields.ts";
import { locateFields } from "./locate-fields.ts";
import { endOfValue } from "./walk.ts";

/** One member of an object: from the opening quote of its name to the end of its value. */
export interface Member {
  readonly name: string;
  readonly start: number;
  readonly value: Span;
}

const NO_FIELDS = defineFields();

/** Checks that a body is one JSON object and says where it is. */
export function locateObject(body: Uint8Array): Span | JsonFault {
  const located = locateFields(body, NO_FIELDS);
  if (isJsonFault(located)) return located;
  const { start } = located.root;
  if (body[start] !== OPEN_BRACE) return { offset: start, message: `not a JSON object at byte ${start}` };
  return located.root;
}

/** The members of the object at `span` of a document that was accepted before, in order, repeated ones too. */
export function listMembers(body: Uint8Array, span: Span): Member[] {
  const bytes = asBuffer(body);
  const members: Member[] = [];
  let at = skipBlanks(bytes, span.start + 1);
  while (at < span.end && bytes[at] === QUOTE) {
    const nameEnd = endOfValue(bytes, at);
    const written = bytes.toString("utf8", at + 1, nameEnd - 1);
    const name = written.includes("\\") ? (JSON.parse(`"${written}"`) as string) : written;
    const start = skipBlanks(bytes, skipBlanks(bytes, nameEnd) + 1);
    const end = endOfValue(bytes, start);
    members.push({ name, start: at, value: { start, end } });
    at = skipBlanks(bytes, end);
    if (bytes[at] === COMMA) at = skipBlanks(bytes, at + 1);
  }
  return members;
}

/** JSON text by member name; `undefined` removes the member. */
export type MemberEdits = ReadonlyMap<string, Uint8Array | undefined>;

/**
 * A new body in which members of the object at `span` are replaced in place, removed, or added behind all others. Every
 * other byte stays as it is, save the white space around a removed member. Of members with one name the last is the one
 * that counts: it is replaced, the others go.
 *
 * @param members what {@link listMembers} gave for this span
 */
export function editMembers(body: Uint8Array, span: Span, members: readonly Member[], edits: MemberEdits): Uint8Array {
  const counts = new Map(members.filter(({ name }) => edits.has(name)).map((member) => [member.name, member]));
  const behindLast = members.at(-1)?.value.end ?? span.start + 1;
  const pieces: Uint8Array[] = [body.subarray(0, span.start + 1)];
  let kept = 0;
  members.forEach((member, i) => {
    const text = edits.get(member.name);
    const edited = edits.has(member.name);
    if (edited && (text === undefined || counts.get(member.name) !== member)) return;
    // What stands before a member: the comma and white space, or behind the brace white space alone.
    const gapEnd = kept === 0 ? members[0]!.start : member.start;
    const gapStart = kept === 0 || i === 0 ? span.start + 1 : members[i - 1]!.value.end;
    kept += 1;
    pieces.push(body.subarray(gapStart, gapEnd), body.subarray(member.start, member.value.start));
    pieces.push(text ?? body.subarray(member.value.start, member.value.end));
  });
  for (const [name, text] of edits) {
    if (text === undefined || counts.has(name)) continue;
    pieces.push(Buffer.from(`${kept === 0 ? "" : ","}${JSON.stringify(name)}:`), text);
    kept += 1;
  }
  pieces.push(body.subarray(behindLast));
  return Buffer.concat(pieces);
}
