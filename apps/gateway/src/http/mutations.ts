import type { BodyMutation, HeaderMutation } from "@pointsman/ext-proc";
import { type HeaderFields, httpValue, isHopByHop } from "./header-fields.ts";
import type { RequestHead, ResponseHead } from "./message-head.ts";

/** A mutation that cannot be carried out. Envoy answers the client with 500, whatever the failure mode is. */
export class MutationFault extends Error {
  override readonly name = "MutationFault";
}

const NAME = /^[!#$%&'*+.^_`|~0-9a-z-]+$/;
// Visible ASCII, blanks, tabs and bytes above ASCII.
const VALUE = /^[\t\x20-\x7e\x80-\xff]*$/;
const PATH = /^\/[\x21-\xff]*$/;

/**
 * Applies an answer's header mutation to a request: removals first, then replacements, then additions.
 *
 * `:path` can be replaced. Changes to `:method`, `:authority`, `:scheme`, `host`, `x-envoy-*` and hop-by-hop fields are
 * dropped without a word, as Envoy does by default.
 *
 * @throws MutationFault for a name or value that HTTP does not allow
 */
export function applyRequestMutation(head: RequestHead, mutation: HeaderMutation): void {
  apply(head.headers, mutation, (name, value) => {
    if (name !== ":path") return;
    if (!PATH.test(value)) throw new MutationFault(`${JSON.stringify(value)} cannot be a :path`);
    head.path = value;
  });
}

/**
 * Applies an answer's header mutation to a response, by the rules of {@link applyRequestMutation}; `:status` can be
 * replaced.
 *
 * @throws MutationFault
 */
export function applyResponseMutation(head: ResponseHead, mutation: HeaderMutation): void {
  apply(head.headers, mutation, (name, value) => {
    if (name !== ":status") return;
    if (!/^[2-5]\d\d$/.test(value)) throw new MutationFault(`${JSON.stringify(value)} cannot be a :status`);
    head.status = Number(value);
  });
}

function apply(fields: HeaderFields, mutation: HeaderMutation, pseudo: (name: string, value: string) => void): void {
  for (const name of mutation.removeHeaders ?? []) {
    if (!name.startsWith(":") && !isProtected(name)) fields.remove(name);
  }
  for (const [name, value] of mutation.setHeaders ?? []) {
    const bytes = httpValue(value);
    if (name.startsWith(":")) pseudo(name, bytes);
    else if (isAllowed(name, bytes)) fields.set(name, bytes);
  }
  for (const [name, value] of mutation.appendHeaders ?? []) {
    const bytes = httpValue(value);
    // A pseudo header has one value: there is nothing to add to.
    if (!name.startsWith(":") && isAllowed(name, bytes)) fields.append(name, bytes);
  }
}

function isProtected(name: string): boolean {
  return name === "host" || name.startsWith("x-envoy-") || isHopByHop(name);
}

function isAllowed(name: string, value: string): boolean {
  if (!NAME.test(name)) throw new MutationFault(`${JSON.stringify(name)} cannot be a header name`);
  if (!VALUE.test(value)) throw new MutationFault(`the value of ${name} cannot be sent in a header`);
  return !isProtected(name);
}

/**
 * The body that a mutation leaves of `body`.
 *
 * @throws MutationFault for a streamed body: that form belongs to full duplex, which this gateway does not speak
 */
export function mutateBody(body: Buffer, mutation: BodyMutation | undefined): Buffer {
  if (mutation === undefined) return body;
  if (mutation.kind === "clear") return Buffer.alloc(0);
  if (mutation.kind === "streamed") throw new MutationFault("a streamed body came in a mode that is not full duplex");
  const { buffer, byteOffset, byteLength } = mutation.body;
  return Buffer.from(buffer, byteOffset, byteLength);
}

/**
 * Checks that content-length, if a message still has it, tells the length of the body it will be sent with.
 *
 * @throws MutationFault if it tells another
 */
export function checkContentLength(fields: HeaderFields, body: Buffer): void {
  const told = fields.get("content-length");
  if (told === undefined || told === String(body.length)) return;
  throw new MutationFault(`content-length says ${told}, the body has ${body.length} bytes`);
}
