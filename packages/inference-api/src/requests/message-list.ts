import { CLOSE_BRACKET, skipBlanks } from "../json/bytes.ts";
import { defineFieldsWithElements, type FieldSet } from "../json/fields.ts";
import { COMMON_FIELDS, type CommonField } from "./body-builder.ts";
import type { PromptSpan } from "./parsed-body.ts";
import { FieldFault, type RequestFields } from "./request-fields.ts";

/** A field set for bodies with `messages`, whose elements are checked while the body is scanned. */
export function messageRequestFields<const Name extends string>(
  ...own: readonly Name[]
): FieldSet<Name | CommonField | "messages"> {
  return defineFieldsWithElements<Name | CommonField | "messages">([...COMMON_FIELDS, "messages", ...own], "messages", {
    role: ["string", "null"],
    content: ["string", "array", "null"],
  });
}

/**
 * The required, non-empty `messages` array. Every message is an object whose `role` is a string and whose `content` is
 * a string or an array of parts; both may be absent or null (an assistant message with tool calls has no content).
 * What parts hold is the model server's business.
 */
export function readMessages(fields: RequestFields<"messages">): PromptSpan {
  const { start, end } = fields.required("messages", "array");
  const { misfit } = fields;
  if (misfit !== undefined) {
    const element = `messages[${misfit.index}]`;
    if (misfit.member === undefined) throw new FieldFault(element, `${element} must be an object`);
    const field = `${element}.${misfit.member}`;
    throw new FieldFault(field, `${field} must be ${misfit.member === "role" ? "a string" : "a string or an array"}`);
  }
  if (fields.body[skipBlanks(fields.body, start + 1)] === CLOSE_BRACKET) {
    throw new FieldFault("messages", "messages must not be empty");
  }
  return { start, end, holds: "messages" };
}
