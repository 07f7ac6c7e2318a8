import { describe, expect, it } from "vitest";
import { translated, type Variables } from "../harness/environment.ts";

const warnings = (variables: Variables) =>
  translated(variables).diagnostics.map(({ code, message, severity }) => `${severity} ${code}: ${message}`);
const names = (variables: Variables, side: "decode" | "prefill") =>
  translated(variables).settings[side].map(({ plugin, weight }) => [plugin.stem, weight.value]);

describe("variables as settings", () => {
  it("F1 with nothing set there are no scorers, no P/D, and the old defaults", () => {
    const { settings, diagnostics } = translated({});
    expect(diagnostics).toEqual([]);
    expect([...settings.decode, ...settings.prefill]).toEqual([]);
    expect(settings.pd.value).toBe(false);
    const { promptLength, prefixBlockSize, queueThreshold } = settings.numbers;
    expect([promptLength.value, prefixBlockSize.value, queueThreshold.value]).toEqual([100, 256, 128]);
  });

  it("F3 a switch that is neither true nor false is off, with a warning", () => {
    expect(names({ ENABLE_LOAD_AWARE_SCORER: "yes" }, "decode")).toEqual([]);
    expect(warnings({ ENABLE_LOAD_AWARE_SCORER: "yes" })).toEqual([
      'warning POINTSMAN_ENV_VALUE: ENABLE_LOAD_AWARE_SCORER is "yes", neither true nor false: it counts as false.',
    ]);
  });

  it.each(["abc", " 2", ""])("F4 a weight %j is 1, with a warning", (weight) => {
    const variables = { ENABLE_LOAD_AWARE_SCORER: "true", LOAD_AWARE_SCORER_WEIGHT: weight };
    expect(names(variables, "decode")).toEqual([["LOAD_AWARE_SCORER", 1]]);
    expect(warnings(variables)).toEqual([
      `warning POINTSMAN_ENV_VALUE: LOAD_AWARE_SCORER_WEIGHT is ${JSON.stringify(weight)}, not a whole number without blanks: the weight 1 is used.`,
    ]);
  });

  it("F6 what has PREFILL_ in front concerns the prefill side alone", () => {
    const prefill = { PREFILL_ENABLE_PREFIX_AWARE_SCORER: "true", PREFILL_PREFIX_AWARE_SCORER_WEIGHT: "3" };
    expect(names({ PD_ENABLED: "true", ...prefill }, "prefill")).toEqual([["PREFIX_AWARE_SCORER", 3]]);
    expect(names({ PD_ENABLED: "true", ...prefill }, "decode")).toEqual([]);
    expect(warnings({ PD_ENABLED: "true", ...prefill })).toEqual([]);
    // There is no prefill side without P/D.
    expect(names(prefill, "decode")).toEqual([]);
    expect(warnings(prefill)).toEqual([
      "warning POINTSMAN_ENV_IGNORED: PREFILL_ENABLE_PREFIX_AWARE_SCORER has no effect: PD_ENABLED is not true.",
    ]);
  });
});
