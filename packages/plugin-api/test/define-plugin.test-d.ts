import { describe, expectTypeOf, it } from "vitest";
import { z } from "zod";
import {
  type Candidates,
  type Capabilities,
  type Clock,
  core,
  type Decider,
  definePlugin,
  jsonSchema,
  type Logger,
  type RequestView,
  ref,
} from "../src/index.ts";

describe("the config of setup", () => {
  it("is what a zod schema gives out, defaults applied and transforms done", () => {
    definePlugin({
      type: "example-scorer",
      config: z.strictObject({ full: z.number().default(64), label: z.string().transform((text) => text.length) }),
      setup({ config }) {
        expectTypeOf(config).toEqualTypeOf<{ full: number; label: number }>();
        // @ts-expect-error the schema has no such parameter
        void config.ful;
        return {};
      },
    });
  });

  it("is the type an author gives to a JSON Schema", () => {
    definePlugin({
      type: "example-scorer",
      config: jsonSchema<{ readonly full: number }>({ type: "object", properties: { full: { type: "number" } } }),
      setup({ config }) {
        expectTypeOf(config).toEqualTypeOf<{ readonly full: number }>();
        return {};
      },
    });
  });

  it("is an empty object where there is no schema", () => {
    definePlugin({
      type: "example-scorer",
      setup({ config }) {
        expectTypeOf(config).toEqualTypeOf<Readonly<Record<string, never>>>();
        return {};
      },
    });
  });
});

describe("the needs of setup", () => {
  it("are the services behind the refs", () => {
    definePlugin({
      type: "example-scorer",
      needs: { log: core.logger, clock: core.clock },
      setup({ needs }) {
        expectTypeOf(needs.log).toEqualTypeOf<Logger>();
        expectTypeOf(needs.clock).toEqualTypeOf<Clock>();
        // @ts-expect-error metrics were not asked for
        void needs.metrics;
        return {};
      },
    });
  });

  it("may be computed from the config", () => {
    definePlugin({
      type: "example-handler",
      config: z.object({ decider: z.string() }),
      needs: (config) => {
        expectTypeOf(config).toEqualTypeOf<{ decider: string }>();
        return { decider: ref.decider(config.decider) };
      },
      setup({ needs }) {
        expectTypeOf(needs.decider).toEqualTypeOf<Decider>();
        return {};
      },
    });
  });

  it("are nothing where nothing was declared", () => {
    definePlugin({
      type: "example-scorer",
      setup({ needs }) {
        // @ts-expect-error a need must be declared
        void needs.log;
        return {};
      },
    });
  });

  it("must be refs", () => {
    // @ts-expect-error a class is no ref
    definePlugin({ type: "example-scorer", needs: { log: class {} }, setup: () => ({}) });
  });
});

describe("what setup returns", () => {
  it("types the parameters of capabilities and hooks", () => {
    definePlugin({
      type: "example-scorer",
      setup: () => ({
        scorer: {
          score(request, candidates, scores) {
            expectTypeOf(request).toEqualTypeOf<RequestView>();
            expectTypeOf(candidates).toEqualTypeOf<Candidates>();
            expectTypeOf(scores).toEqualTypeOf<Float64Array>();
          },
        },
        afterResponse(_request, completion) {
          expectTypeOf(completion.outcome).toEqualTypeOf<"ended" | "rejected" | "unrouted" | "unknown">();
        },
      }),
    });
  });

  it("may be a promise, and differ from branch to branch", () => {
    definePlugin({ type: "example-scorer", setup: async () => ({ scorer: { score() {} } }) });
    definePlugin({
      type: "example-scorer",
      config: z.object({ strict: z.boolean() }),
      setup: ({ config }) =>
        config.strict ? { filter: { empties: "ineligible", filter() {} } } : { scorer: { score() {} } },
    });
  });

  it("must not be a misspelt capability", () => {
    // @ts-expect-error "scoror" is no capability
    definePlugin({ type: "example-scorer", setup: () => ({ scoror: { score() {} } }) });
    definePlugin({
      type: "example-scorer",
      // @ts-expect-error "scoror" is no capability, although "postChoice" is one
      setup: () => ({ postChoice() {}, scoror: { score() {} } }) satisfies Capabilities,
    });
  });

  it("must be complete and of the right shape", () => {
    // @ts-expect-error a scorer scores
    definePlugin({ type: "example-scorer", setup: () => ({ scorer: { rate() {} } }) });
    // @ts-expect-error a filter says what it means when nobody is left
    definePlugin({ type: "example-filter", setup: () => ({ filter: { filter() {} } }) });
    // @ts-expect-error a picker returns how many it ranked
    definePlugin({ type: "example-picker", setup: () => ({ picker: { pick() {} } }) });
    // @ts-expect-error a decider answers yes or no
    definePlugin({ type: "example-decider", setup: () => ({ decider: { decide: () => 1 } }) });
  });
});

it("refuses options that definePlugin does not have", () => {
  // @ts-expect-error it is called "needs"
  definePlugin({ type: "example-scorer", need: { log: core.logger }, setup: () => ({}) });
});
