import { membersOf, forEachElement } from "../json/walk.ts";
import type { PromptSpan } from "./parsed-body.ts";
import { expectKind, FieldFault, type RequestFields } from "./request-fields.ts";

const MEMBERS = ["role", "content"] as const;

/**
 * The required, non-empty `messages` array. Every message is an object whose `role` is a string and whose `content` is
 * a string or an array of parts; both may be absent or null (an assistant message with tool calls has no content).
 * What parts hold is the model server's business.
 */
export function readMessages(fields: RequestFields<"messages">): PromptSpan {
  const { body } = fields;
  const span = fields.required("messages", "array");
  let count = 0;
  forEachElement(body, span, (start, end, index) => {
    count++;
    const place = `messages[${index}]`;
    if (expectKind(body, { start, end }, place, "object") === undefined) {
      throw new FieldFault(place, `${place} must be an object`);
    }
    const [role, content] = membersOf(body, { start, end }, MEMBERS);
    expectKind(body, role, `${place}.role`, "string");
    expectKind(body, content, `${place}.content`, "string", "array");
    return true;
  });
  if (count === 0) throw new FieldFault("messages", "messages must not be empty");
  return { start: span.start, end: span.end, holds: "messages" };
}
