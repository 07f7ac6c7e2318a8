const LF = 0x0a;
const DATA = Buffer.from("data:");

/** The `data:` documents of the complete events at the beginning of a stream. */
export function documentsIn(bytes: Buffer): { readonly complete: number; readonly documents: readonly string[] } {
  const documents: string[] = [];
  let at = 0;
  for (let end = bytes.indexOf(LF, at); end >= 0; end = bytes.indexOf(LF, at)) {
    const document = dataOf(bytes.subarray(at, end));
    if (document !== undefined) documents.push(document.toString().trim());
    at = end + 1;
  }
  const tail = dataOf(bytes.subarray(at));
  const complete = documents.length;
  // The last line of a stream that ended without a line break.
  if (tail !== undefined) documents.push(tail.toString().trim());
  return { complete, documents };
}

/** What stands behind `data:`, or undefined for another line. */
export function dataOf(line: Buffer): Buffer | undefined {
  if (line.length < DATA.length || line.compare(DATA, 0, DATA.length, 0, DATA.length) !== 0) return undefined;
  return line.subarray(DATA.length);
}
