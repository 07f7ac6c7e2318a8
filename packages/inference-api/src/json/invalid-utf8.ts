import { isUtf8 } from "node:buffer";

/**
 * The offset of the first byte sequence that is not UTF-8, in a body known to hold one. Bisects from a known character
 * boundary, so that the native check reads about twice the body in all.
 */
export function invalidUtf8Offset(body: Uint8Array): number {
  let valid = 0;
  let invalid = body.length;
  while (invalid - valid > 8) {
    const middle = (valid + invalid) >> 1;
    let boundary = middle;
    while (boundary > middle - 3 && (body[boundary]! & 0xc0) === 0x80) boundary--;
    if (isUtf8(body.subarray(valid, boundary))) valid = boundary;
    else invalid = middle;
  }
  let offset = invalid;
  while (offset > valid && !isUtf8(body.subarray(valid, offset))) offset--;
  return offset;
}
