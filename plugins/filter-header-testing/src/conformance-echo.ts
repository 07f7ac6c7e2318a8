import { definePlugin } from "@pointsman/plugin-api";

/** Request header that makes the echo server of the conformance suite send a header, `name:value`, with its answer. */
const ECHO_HEADER = "x-echo-set-header";
/** Header of the answer by which the suite learns which endpoint served. */
const SERVED_HEADER = "x-conformance-test-served-endpoint";
/** What the suite's own endpoint picker writes there when the gateway did not say who served. */
const NOBODY_SERVED = "fail: missing destination endpoint served metadata";

/**
 * Makes the choice visible to the conformance tests of the Gateway API Inference Extension: the echo server is told to
 * report the picked endpoint, and the answer gets the one that served in the same header.
 */
export const conformanceEcho = definePlugin({
  type: "conformance-echo",
  description: "Reports the picked and the served endpoint in headers, for conformance tests",
  response: "headers",
  state: "none",
  setup() {
    return {
      postChoice(_request, choice) {
        const picked = choice.picked[0];
        if (picked !== undefined) choice.setHeader(ECHO_HEADER, `${SERVED_HEADER}:${picked.address}`);
      },
      responseHeaders(_request, response) {
        response.setHeader(SERVED_HEADER, response.served?.address ?? NOBODY_SERVED);
      },
    };
  },
});
