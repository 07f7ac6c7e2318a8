import type { ImmediateResponse } from "@pointsman/ext-proc";
import type { PickerFault } from "../picker/conversation.ts";
import { HeaderFields } from "./header-fields.ts";
import type { ResponseHead } from "./message-head.ts";
import { applyResponseMutation, MutationFault } from "./mutations.ts";

/** A whole response that did not come from a model server. */
export interface OwnReply extends ResponseHead {
  readonly body: Buffer;
}

/** A refusal in the form of the OpenAI API, so that clients show its message. */
export function errorReply(status: number, code: string, message: string): OwnReply {
  const type = status < 500 ? "invalid_request_error" : "server_error";
  return reply(status, "application/json", JSON.stringify({ error: { message, type, param: null, code } }));
}

/** A local reply as Envoy makes it. The picker sees it like the response of a model server. */
export function localReply(status: number, text: string): OwnReply {
  return reply(status, "text/plain", text);
}

/** What the picker wants the client to be told: text/plain unless it says otherwise; without a status 200. */
export function immediateReply(response: ImmediateResponse): OwnReply {
  const body = Buffer.from(response.body ?? []);
  const status = response.status === 0 ? 200 : response.status;
  const made: OwnReply = { ...reply(status, "text/plain", body) };
  if (status < 200 || status > 599) return invalidAnswerReply(`an immediate response with status ${status}`);
  try {
    applyResponseMutation(made, response);
  } catch (error) {
    if (error instanceof MutationFault) return invalidAnswerReply(error.message);
    throw error;
  }
  made.headers.set("content-length", String(body.length));
  return made;
}

/** The picker's answer was understood but cannot be carried out. */
export function invalidAnswerReply(reason: string): OwnReply {
  return errorReply(500, "picker_answer_invalid", `The picker gave an answer that cannot be carried out: ${reason}.`);
}

export function bodyTooLargeReply(maxBytes: number): OwnReply {
  return errorReply(413, "body_too_large", `The request body is larger than ${maxBytes} bytes.`);
}

/** What a client is told under failure mode closed. */
export function pickerFailedReply({ reason, message }: PickerFault): OwnReply {
  const text = `The endpoint picker could not be asked: ${message}.`;
  return reason === "timeout" ? errorReply(504, "picker_timeout", text) : errorReply(500, "picker_failed", text);
}

function reply(status: number, contentType: string, content: string | Buffer): OwnReply {
  const body = Buffer.from(content);
  const headers = HeaderFields.fromRaw(["content-type", contentType, "content-length", String(body.length)]);
  return { status, headers, body };
}
