/**
 * Cuts a stream of bytes into lines. Empty lines are left out; a last line without its end is not handed over, because
 * a connection that broke off may have cut it.
 * @throws RangeError from the returned function when a line is longer than `maxBytes`.
 */
export function createLineSplitter(maxBytes: number, onLine: (line: string) => void): (chunk: Buffer) => void {
  let parts: Buffer[] = [];
  let held = 0;
  return (chunk) => {
    let start = 0;
    for (let end = chunk.indexOf(10); end >= 0; end = chunk.indexOf(10, start)) {
      parts.push(chunk.subarray(start, end));
      const line = parts.length === 1 ? parts[0]! : Buffer.concat(parts);
      parts = [];
      held = 0;
      start = end + 1;
      if (line.length > 0) onLine(line.toString("utf8"));
    }
    if (start === chunk.length) return;
    parts.push(chunk.subarray(start));
    held += chunk.length - start;
    if (held > maxBytes) throw new RangeError(`a line has more than ${maxBytes} bytes`);
  };
}
