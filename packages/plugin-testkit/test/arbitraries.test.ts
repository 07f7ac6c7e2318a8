import { WaitingRequests } from "@pointsman/plugin-api/keys";
import fc from "fast-check";
import { expect, it } from "vitest";
import { arbitraryPool, standardAttributes } from "../src/arbitrary/arbitrary-pool.ts";
import { arbitraryRequest } from "../src/arbitrary/arbitrary-request.ts";

const parameters = { seed: 1, numRuns: 200 };

it("any pool holds values that the attributes admit, known for some endpoints and unknown for others", () => {
  const seen = { known: 0, unknown: 0 };
  fc.assert(
    fc.property(arbitraryPool(), (pool) => {
      for (const endpoint of pool.candidates()) {
        for (const attribute of standardAttributes) {
          const value = endpoint.get(attribute);
          if (value === undefined) seen.unknown += 1;
          else seen.known += 1;
          if (attribute.unit === "ratio" && value !== undefined) {
            expect(value).toBeGreaterThanOrEqual(0);
            expect(value).toBeLessThanOrEqual(1);
          }
        }
      }
    }),
    parameters,
  );
  expect(seen.known).toBeGreaterThan(100);
  expect(seen.unknown).toBeGreaterThan(100);
});

it("a pool of known values leaves none out", () => {
  fc.assert(
    fc.property(arbitraryPool({ attributes: [WaitingRequests], min: 2, max: 4, known: "all" }), (pool) => {
      const candidates = pool.candidates();
      expect(candidates.length).toBeGreaterThanOrEqual(2);
      expect(candidates.length).toBeLessThanOrEqual(4);
      expect(candidates.column(WaitingRequests).some(Number.isNaN)).toBe(false);
    }),
    parameters,
  );
});

it("any request can be read in full, whatever its body is, and shows every odd case", () => {
  const seen = new Set<string>();
  fc.assert(
    fc.property(arbitraryRequest({ headers: ["X-Mine"] }), (request) => {
      seen.add(request.model === "" ? "no model" : "a model");
      seen.add(request.body === undefined ? "no body" : request.json() === undefined ? "no JSON" : "JSON");
      seen.add(request.prompt.tokenIds === undefined ? "text" : "tokens");
      if (request.header("x-mine") !== undefined) seen.add("the header asked for");
      const drawn = request.random();
      expect(drawn >= 0 && drawn < 1).toBe(true);
    }),
    parameters,
  );
  const all = ["no model", "a model", "no body", "no JSON", "JSON", "text", "tokens", "the header asked for"];
  expect([...seen].sort()).toEqual(all.sort());
});
