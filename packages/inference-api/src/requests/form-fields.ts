import { asBuffer, CARRIAGE_RETURN, LINE_FEED } from "../json/bytes.ts";

/** This many bytes are searched at each end of the body. */
const WINDOW = 64 * 1024;
const MAX_PARTS = 64;
const MAX_VALUE = 4096;
/** RFC 2046: a boundary has at most 70 characters; two dashes stand before it. */
const MAX_DELIMITER = 72;

/**
 * Finds small text fields of a multipart/form-data body, without its Content-Type: the boundary is what the body
 * begins with. Only the first and the last 64 KiB are searched, so a field before or behind one large file is found
 * whatever the file's size; a field between two large files is not. Of fields with one name the last one counts.
 * Values longer than 4 KiB are ignored. A body in another form has no fields.
 */
export function findFormFields(body: Uint8Array, names: readonly string[]): Map<string, string> {
  const found = new Map<string, string>();
  const bytes = asBuffer(body);
  const delimiter = openingDelimiter(bytes);
  if (delimiter === undefined) return found;
  const head = bytes.subarray(0, WINDOW);
  collect(head, 0, delimiter, names, found);
  if (bytes.length > WINDOW) {
    const tail = bytes.subarray(Math.max(bytes.length - WINDOW, WINDOW - MAX_VALUE));
    const first = tail.indexOf(`\r\n${delimiter}`);
    if (first >= 0) collect(tail, first + 2, delimiter, names, found);
  }
  return found;
}

function openingDelimiter(bytes: Buffer): string | undefined {
  const end = bytes.subarray(0, MAX_DELIMITER + 2).indexOf("\r\n");
  if (end <= 2 || !bytes.subarray(0, 2).equals(Buffer.from("--"))) return undefined;
  return bytes.toString("latin1", 0, end);
}

/** Reads the parts from a delimiter on, as long as they end within the window. */
function collect(
  window: Buffer,
  at: number,
  delimiter: string,
  names: readonly string[],
  found: Map<string, string>,
): void {
  const separator = Buffer.from(`\r\n${delimiter}`, "latin1");
  let start = at + delimiter.length;
  for (let part = 0; part < MAX_PARTS; part++) {
    if (window[start] !== CARRIAGE_RETURN || window[start + 1] !== LINE_FEED) return;
    const end = window.indexOf(separator, start);
    if (end < 0) return;
    const headersEnd = window.indexOf("\r\n\r\n", start);
    if (headersEnd >= 0 && headersEnd + 4 <= end && end - headersEnd - 4 <= MAX_VALUE) {
      const name = fieldName(window.toString("utf8", start, headersEnd));
      if (name !== undefined && names.includes(name)) found.set(name, window.toString("utf8", headersEnd + 4, end));
    }
    start = end + separator.length;
  }
}

/** The name of a text field; files have none here. */
function fieldName(headers: string): string | undefined {
  const disposition = /^content-disposition:[ \t]*form-data[ \t]*;(.*)$/im.exec(headers)?.[1];
  if (disposition === undefined || /;[ \t]*filename\*?=/i.test(`;${disposition}`)) return undefined;
  const name = /;[ \t]*name=(?:"([^"]*)"|([^;\s]+))/i.exec(`;${disposition}`);
  return name?.[1] ?? name?.[2];
}
