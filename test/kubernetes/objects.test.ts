import { createExtProcClient } from "@pointsman/ext-proc";
import { type KubernetesObject, pathOf } from "@pointsman/kubernetes-client";
import { afterAll, beforeAll, expect, it } from "vitest";
import { ask } from "./harness/ask.ts";
import { type ControlPlane, startControlPlane } from "./harness/control-plane.ts";
import { describeWithControlPlane } from "./harness/describe-with-control-plane.ts";
import {
  create,
  grant,
  inferencePools,
  installCrds,
  objectives,
  patch,
  poolOf,
  remove,
  rewrites,
  startPod,
} from "./harness/objects.ts";
import { until } from "./harness/poll.ts";
import { startWatching, type WatchingPicker } from "./harness/watching-picker.ts";

const POOL = "pool";
const poolRef = { name: POOL };
const HEADER = "x-llm-d-inference-objective";

describeWithControlPlane("objects of the pool", () => {
  let plane: ControlPlane;
  let picker: WatchingPicker;
  let client: ReturnType<typeof createExtProcClient>;

  beforeAll(async () => {
    plane = await startControlPlane();
    await installCrds(plane.admin);
    await grant(plane.admin);
    await create(plane.admin, inferencePools, poolOf(POOL, "app"));
    await startPod(plane.admin, "pod", "app", "10.1.0.1");
    const kubeconfig = plane.kubeconfig("picker");
    const plugins = ["kubernetes-objective", "kubernetes-model-rewrite"].map((type) => ({
      type,
      parameters: { kubeconfig },
    }));
    picker = startWatching({ kubeconfig, pool: POOL, plugins });
    const { ports } = await picker.up;
    client = createExtProcClient({ address: `127.0.0.1:${ports.grpc}` });
  }, 180_000);
  afterAll(async () => {
    client?.close();
    await picker?.stop();
    await plane?.stop();
  });

  /** The model that the server is asked for. */
  const targetOf = async (model: string | undefined, headers = {}): Promise<string | undefined> =>
    (await ask(client, { model, prompt: "p" }, headers)).model;
  const becomes = (model: string, target: string) =>
    until(`${model} to become ${target}`, async () => (await targetOf(model)) === target, { deadlineMs: 2_000 });
  const rewriteOf = (name: string, rules: object[], pool: object = poolRef) =>
    create(plane.admin, rewrites, {
      apiVersion: "llm-d.ai/v1alpha2",
      kind: "InferenceModelRewrite",
      metadata: { name },
      spec: { poolRef: pool, rules },
    });
  const exactly = (model: string, target: string): object => ({
    matches: [{ model: { value: model } }],
    targets: [{ modelRewrite: target }],
  });
  const acceptedOf = async (resource: typeof rewrites, name: string): Promise<string | undefined> => {
    const attempt = { verb: "get", resource, name };
    const object = (await plane.admin.call({ attempt, path: pathOf(resource, name) })) as KubernetesObject;
    const { conditions } = (object.status ?? {}) as {
      conditions?: { type: string; status: string; message: string }[];
    };
    const found = conditions?.find(({ type }) => type === "Accepted");
    return found && `${found.status}: ${found.message}`;
  };
  const priorityOf = async (objective: string): Promise<number> => {
    const id = `objective-${objective}-${Math.random()}`;
    // Nothing is known of the endpoints' load here, so a sheddable request is refused.
    await ask(client, { model: "plain", prompt: "p" }, { [HEADER]: objective, "x-request-id": id }).catch(
      (error: Error) => expect(error.message).toContain("sheddable request dropped"),
    );
    return picker.epp!.decisions.find(id)[0]!.priority;
  };

  it("rewrites by InferenceModelRewrite: exact before generic, the older object first, the header only without a rule", async () => {
    expect(await targetOf("model-b")).toBe("model-b");
    await rewriteOf("older", [exactly("model-b", "model-b-tuned")]);
    await becomes("model-b", "model-b-tuned");
    expect(await targetOf("other")).toBe("other");
    const header = { "x-llm-d-model-name-rewrite": "asked" };
    expect([await targetOf("other", header), await targetOf("model-b", header)]).toEqual(["asked", "model-b-tuned"]);
    // Creation times have whole seconds.
    await new Promise((resolve) => setTimeout(resolve, 1_100));
    await rewriteOf("a-younger", [exactly("model-b", "too-late"), { targets: [{ modelRewrite: "generic" }] }]);
    await becomes("anything", "generic");
    expect([await targetOf("model-b"), await targetOf(undefined)]).toEqual(["model-b-tuned", "generic"]);
    await until("its status", async () => (await acceptedOf(rewrites, "a-younger")) === "True: The picker follows it.");
    await remove(plane.admin, rewrites, "older");
    await becomes("model-b", "too-late");
    await remove(plane.admin, rewrites, "a-younger");
    await becomes("model-b", "model-b");
  });

  it("draws targets by weight", async () => {
    const targets = [
      { modelRewrite: "seven", weight: 70 },
      { modelRewrite: "three", weight: 30 },
      { modelRewrite: "never" },
    ];
    await rewriteOf("weighted", [{ matches: [{ model: { value: "w" } }], targets }]);
    await until("the rule", async () => (await targetOf("w")) !== "w");
    const seen: Record<string, number> = {};
    for (let i = 0; i < 300; i += 1) {
      const target = (await targetOf("w"))!;
      seen[target] = (seen[target] ?? 0) + 1;
    }
    expect(Object.keys(seen).sort()).toEqual(["seven", "three"]);
    // Six standard deviations around 210.
    expect(Math.abs(seen["seven"]! - 210)).toBeLessThan(48);
    await remove(plane.admin, rewrites, "weighted");
  });

  it("leaves objects of other pools alone", async () => {
    await rewriteOf("foreign", [exactly("f", "stolen")], { name: "another" });
    await rewriteOf("own", [exactly("g", "mine")]);
    await becomes("g", "mine");
    expect(await targetOf("f")).toBe("f");
    expect(await acceptedOf(rewrites, "foreign")).toBeUndefined();
    await remove(plane.admin, rewrites, "own");
    await remove(plane.admin, rewrites, "foreign");
  });

  it("takes the priority of the InferenceObjective that a request names, 0 without one", async () => {
    const objective = (name: string, spec: object) =>
      create(plane.admin, objectives, {
        apiVersion: "llm-d.ai/v1alpha2",
        kind: "InferenceObjective",
        metadata: { name },
        spec,
      });
    await objective("high", { poolRef, priority: 4 });
    await objective("low", { poolRef, priority: -1 });
    await objective("unset", { poolRef });
    await objective("foreign", { poolRef: { name: "another" }, priority: 9 });
    await until("the objective", async () => (await priorityOf("high")) === 4, { deadlineMs: 2_000 });
    expect(await Promise.all(["low", "unset", "foreign", "missing"].map(priorityOf))).toEqual([-1, 0, 0, 0]);
    await patch(plane.admin, objectives, "high", { spec: { priority: 7 } });
    await until("the change", async () => (await priorityOf("high")) === 7, { deadlineMs: 2_000 });
    await remove(plane.admin, objectives, "high");
    await until("its end", async () => (await priorityOf("high")) === 0, { deadlineMs: 2_000 });
  });
});
