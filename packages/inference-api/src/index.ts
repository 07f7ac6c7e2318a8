export { claimForPath, DEFAULT_PATH, type PathClaim } from "./claims.ts";
export { type ApiError, type ErrorBody, errorBody } from "./error-body.ts";
export { editMembers, listMembers, locateObject, type Member, type MemberEdits } from "./json/edit-members.ts";
export { isJsonFault, type JsonFault } from "./json/fault.ts";
export {
  defineFields,
  defineFieldsWithElements,
  type ElementMisfit,
  type FieldSet,
  type LocatedFields,
  type Span,
} from "./json/fields.ts";
export { locateFields, MAX_JSON_DEPTH } from "./json/locate-fields.ts";
export { type JsonValue, setTopLevelField, spliceModel } from "./json/splice.ts";
export { type JsonKind, kindAt, rawBytes, rawText, readBoolean, readNumber, readString } from "./json/values.ts";
export { type BodyFamily, createBodyParser } from "./parser/body-parser.ts";
export { ANTHROPIC_CLAIMS, readAnthropicBody } from "./requests/anthropic.ts";
export { ALL_CLAIMS, apiForPath } from "./requests/api-for-path.ts";
export { OPENAI_CLAIMS, readOpenAiBody } from "./requests/openai.ts";
export {
  type Api,
  type BodyFault,
  isBodyFault,
  MAX_TOKEN_PROMPTS,
  type ParsedBody,
  type PromptSpan,
} from "./requests/parsed-body.ts";
export { promptBytesOf, promptText } from "./requests/prompt-text.ts";
export { readSglangBody, SGLANG_CLAIMS } from "./requests/sglang.ts";
export { readVllmBody, VLLM_CLAIMS } from "./requests/vllm.ts";
export { type ContentFormat, contentFormat } from "./responses/content-format.ts";
export { createModelNameRewriter, type ModelNameRewriter } from "./responses/model-name-rewriter.ts";
export type { Usage } from "./responses/usage.ts";
export { createUsageReader, type UsageReader } from "./responses/usage-reader.ts";
