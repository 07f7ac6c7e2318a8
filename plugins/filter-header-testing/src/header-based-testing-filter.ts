import { definePlugin, jsonSchema } from "@pointsman/plugin-api";
import { parsePin, pinNames } from "./parse-pin.ts";

interface Config {
  readonly headerName?: string;
  readonly whenAbsent?: "pass" | "drop";
}

const DEFAULTS: Required<Config> = { headerName: "test-epp-endpoint-selection", whenAbsent: "drop" };

/** A plain JSON Schema, so that a filter for tests needs no package at run time. */
const config = jsonSchema<Config>({
  type: "object",
  additionalProperties: false,
  properties: {
    headerName: {
      type: "string",
      pattern: "^[A-Za-z0-9!#$%&'*+.^_`|~-]+$",
      default: DEFAULTS.headerName,
      description: "Request header that lists the endpoints, in any case.",
    },
    whenAbsent: {
      enum: ["pass", "drop"],
      default: DEFAULTS.whenAbsent,
      description: "Whether a request without the header keeps all candidates (`pass`) or none (`drop`).",
    },
  },
});

/** Keeps the endpoints that a request header names. For tests of gateways; any client could steer its requests. */
export const headerBasedTestingFilter = definePlugin({
  type: "header-based-testing-filter",
  description: "Keeps the endpoints named in a request header, for conformance tests",
  config,
  state: "none",
  setup({ config: given }) {
    const headerName = given.headerName ?? DEFAULTS.headerName;
    const passes = (given.whenAbsent ?? DEFAULTS.whenAbsent) === "pass";
    return {
      filter: {
        empties: "ineligible",
        onError: "reject",
        filter(request, candidates, keep) {
          const pin = parsePin(request.header(headerName));
          if (pin === undefined) {
            if (!passes) keep.fill(0);
            return;
          }
          for (let i = 0; i < candidates.length; i += 1) if (!pinNames(pin, candidates[i]!)) keep[i] = 0;
        },
      },
    };
  },
});
