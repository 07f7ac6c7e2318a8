import { WaitingRequests } from "@pointsman/plugin-api/keys";
import { expect, it } from "vitest";
import { parseConformanceOptions } from "../src/conformance/parse-options.ts";

it("reads what an author writes in a file, attributes by their keys", () => {
  const options = parseConformanceOptions({
    seed: 4,
    types: {
      "my-scorer": {
        validConfigs: [{ full: 8 }],
        endpoints: [
          [{ name: "a", attributes: { "pointsman/waiting-requests@1": 3, "pointsman/served-models@1": ["m"] } }],
        ],
      },
    },
  });
  expect(options.seed).toBe(4);
  const own = options.types?.["my-scorer"];
  expect(own?.validConfigs).toEqual([{ full: 8 }]);
  expect(own?.endpoints?.[0]?.[0]?.attributes).toEqual([
    { attribute: WaitingRequests, value: 3 },
    { attribute: expect.objectContaining({ id: "pointsman/served-models" }), value: new Set(["m"]) },
  ]);
});

it.each([
  [null, /must be an object/],
  [{ validConfig: [] }, /no member "validConfig"; known are validConfigs/],
  [{ types: { a: { seed: 1 } } }, /`types\.a` have no member "seed"/],
  [{ invalidConfigs: {} }, /`invalidConfigs` must be a list/],
  [{ seed: "1" }, /`seed` must be a whole number/],
  [{ endpoints: [{}] }, /`endpoints\[0\]` must be a list of endpoints/],
  [{ endpoints: [[{ attributes: { "x/y@1": 1 } }]] }, /"x\/y@1", which is none of the standard ones/],
])("refuses %j with the member that is wrong", (value, message) => {
  expect(() => parseConformanceOptions(value)).toThrow(message);
});
