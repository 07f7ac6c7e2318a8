import { errorBody } from "@pointsman/inference-api";
import { definePlugin, type ParsedRequest } from "@pointsman/plugin-api";

/** Nothing is known of the body, so one object describes every request. */
const OPAQUE: ParsedRequest = Object.freeze({
  api: "passthrough",
  model: undefined,
  stream: false,
  maxOutputTokens: undefined,
  cacheSalt: undefined,
  modelOptional: true,
  prompt: Object.freeze({ parts: Object.freeze([]), byteLength: 0, tokenIds: undefined, text: () => "" }),
});

/** Takes what nobody claimed: any body, unseen and unchanged. Errors have OpenAI's form, for lack of a better one. */
export const passthroughParser = definePlugin({
  type: "passthrough-parser",
  description: "Takes any body as it is, where no other parser claims the path",
  state: "none",
  setup: () => ({
    parser: {
      claims: [],
      parse: () => OPAQUE,
      errorBody: (error) => errorBody(undefined, error),
    },
  }),
});
