import { describe, expect, it } from "vitest";
import { InferenceModels } from "../src/inference-models.ts";
import { type InferenceModel, parseInferenceModel } from "../src/parse-inference-model.ts";

const read = (spec: unknown, name = "o", creationTimestamp = "2025-01-01T00:00:00Z") =>
  parseInferenceModel({ metadata: { name, creationTimestamp }, spec });
const good = (...args: Parameters<typeof read>): InferenceModel => {
  const model = read(...args);
  if (typeof model === "string") throw new Error(model);
  return model;
};

describe("an InferenceModel", () => {
  it("is Standard when it does not say, and asks for the model itself without targets", () => {
    const models = new InferenceModels([good({ modelName: "m" })]);
    expect([models.priorityOf("m"), models.rewriteOf("m", () => 0)]).toEqual([0, undefined]);
    expect([models.priorityOf("other"), models.priorityOf("")]).toEqual([undefined, undefined]);
  });

  it.each([
    ["Critical", 1],
    ["Standard", 0],
    ["Sheddable", -1],
  ])("of criticality %s has the priority %d", (criticality, priority) => {
    expect(good({ modelName: "m", criticality }).priority).toBe(priority);
  });

  it("draws its targets by weight", () => {
    const targetModels = [
      { name: "a", weight: 3 },
      { name: "b", weight: 1 },
    ];
    const models = new InferenceModels([good({ modelName: "m", targetModels })]);
    expect([0, 0.74, 0.76].map((at) => models.rewriteOf("m", () => at)?.model)).toEqual(["a", "a", "b"]);
  });

  it("counts when it is the oldest for its model, by name where two are as old", () => {
    const target = (name: string) => ({ modelName: "m", targetModels: [{ name }] });
    const old = good(target("old"), "z", "2025-01-01T00:00:00Z");
    const twin = good(target("twin"), "zz", "2025-01-01T00:00:00Z");
    const young = good({ ...target("young"), criticality: "Critical" }, "a", "2025-01-02T00:00:00Z");
    const models = new InferenceModels([young, twin, old]);
    expect([models.rewriteOf("m", () => 0), models.priorityOf("m")]).toEqual([{ model: "old", rule: "z" }, 0]);
    expect(models.late).toEqual(["zz", "a"]);
  });

  it.each([
    [undefined, "spec.modelName is empty"],
    [{ modelName: 1 }, "spec.modelName is empty"],
    [{ modelName: "m", criticality: "Urgent" }, 'there is no criticality "Urgent"'],
    [{ modelName: "m", criticality: "constructor" }, 'there is no criticality "constructor"'],
    [{ modelName: "m", targetModels: {} }, "spec.targetModels is no list"],
    [{ modelName: "m", targetModels: [{ weight: 1 }] }, "spec.targetModels: a target has no name"],
    [{ modelName: "m", targetModels: [null] }, "spec.targetModels: a target has no name"],
    [{ modelName: "m", targetModels: [{ name: "t", weight: 0 }] }, "spec.targetModels: weight 0 is not 1 to 1000000"],
    [{ modelName: "m", targetModels: Array(11).fill({ name: "t" }) }, "spec.targetModels has more than 10 models"],
  ])("%j cannot be used", (spec, mistake) => {
    expect(read(spec)).toBe(mistake);
  });
});
