import { createExtProcClient } from "@pointsman/ext-proc";
import { type KubernetesObject, pathOf } from "@pointsman/kubernetes-client";
import { afterAll, beforeAll, expect, it } from "vitest";
import { ask } from "./harness/ask.ts";
import { type ControlPlane, startControlPlane } from "./harness/control-plane.ts";
import { describeWithControlPlane } from "./harness/describe-with-control-plane.ts";
import {
  crds,
  create,
  grant,
  inferenceModels,
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
    const plugins: { type: string; parameters: object }[] = ["kubernetes-objective", "kubernetes-model-rewrite"].map(
      (type) => ({
        type,
        parameters: { kubeconfig },
      }),
    );
    const historic = { kubeconfig, poolGroup: inferencePools.group };
    plugins.push({ type: "kubernetes-inference-model", parameters: historic });
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
  const priorityOf = async (objective: string, model = "plain"): Promise<number> => {
    const id = `objective-${objective}-${Math.random()}`;
    // Nothing is known of the endpoints' load here, so a sheddable request is refused.
    await ask(client, { model, prompt: "p" }, { [HEADER]: objective, "x-request-id": id }).catch((error: Error) =>
      expect(error.message).toContain("sheddable request dropped"),
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
    expect(await Promise.all(["low", "unset", "foreign", "missing"].map((name) => priorityOf(name)))).toEqual([
      -1, 0, 0, 0,
    ]);
    await patch(plane.admin, objectives, "high", { spec: { priority: 7 } });
    await until("the change", async () => (await priorityOf("high")) === 7, { deadlineMs: 2_000 });
    await remove(plane.admin, objectives, "high");
    await until("its end", async () => (await priorityOf("high")) === 0, { deadlineMs: 2_000 });
  });

  it("leaves out what the schema lets through but makes no sense, says so in its status, and obeys the others", async () => {
    await rewriteOf("sound", [exactly("s", "sound-target")]);
    await becomes("s", "sound-target");
    await loosen("inferencemodelrewrites.llm-d.ai");
    await loosen("inferenceobjectives.llm-d.ai");
    const prefix = { model: { type: "Prefix", value: "s" } };
    const nonsense = [{ matches: [prefix], targets: [{ modelRewrite: "stolen" }] }];
    await until("the looser schema", async () => {
      return rewriteOf("a-nonsense", nonsense).then(
        () => true,
        () => false,
      );
    });
    const spec = { poolRef, priority: "urgent" };
    const body = { apiVersion: "llm-d.ai/v1alpha2", kind: "InferenceObjective", metadata: { name: "urgent" }, spec };
    await until("the looser schema of objectives", () =>
      create(plane.admin, objectives, body).then(
        () => true,
        () => false,
      ),
    );
    const shown = (resource: typeof rewrites, name: string, text: string) =>
      until(`the status of ${name}`, async () => (await acceptedOf(resource, name)) === text, {
        describe: () => acceptedOf(resource, name),
      });
    await shown(rewrites, "a-nonsense", "False: It is left out: spec.rules[0]: there is no match of type Prefix.");
    await shown(objectives, "urgent", 'False: It is left out: spec.priority "urgent" is no 32-bit integer.');
    expect(picker.said('"a-nonsense" is left out')).toBe(true);
    expect([await targetOf("s"), await acceptedOf(rewrites, "sound")]).toEqual([
      "sound-target",
      "True: The picker follows it.",
    ]);
    expect([await priorityOf("low"), await priorityOf("urgent")]).toEqual([-1, 0]);
    // Mended, it counts.
    await patch(plane.admin, objectives, "urgent", { spec: { priority: 3 } });
    await until("the mended one", async () => (await priorityOf("urgent")) === 3);
    await shown(objectives, "urgent", "True: The picker follows it.");
    await remove(plane.admin, rewrites, "a-nonsense");
    await remove(plane.admin, rewrites, "sound");
  });

  /** What an older or newer CRD than ours may let pass: members of any type. */
  const loosen = async (crd: string): Promise<void> => {
    const attempt = { verb: "get", resource: crds, name: crd };
    const { spec } = (await plane.admin.call({ attempt, path: pathOf(crds, crd) })) as {
      spec: { versions: { schema: { openAPIV3Schema: { properties: Record<string, object> } } }[] };
    };
    const { versions } = structuredClone(spec);
    versions[0]!.schema.openAPIV3Schema.properties["spec"] = {
      type: "object",
      "x-kubernetes-preserve-unknown-fields": true,
    };
    await patch(plane.admin, crds, crd, { spec: { versions } });
  };

  it("obeys the historic InferenceModel: targets by weight, criticality as priority, the oldest for a model", async () => {
    const modelOf = (name: string, spec: object) =>
      create(plane.admin, inferenceModels, {
        apiVersion: "inference.networking.x-k8s.io/v1alpha2",
        kind: "InferenceModel",
        metadata: { name },
        spec: { poolRef: { ...poolRef, group: inferencePools.group }, ...spec },
      });
    const targetModels = [{ name: "chat-v1", weight: 1 }, { name: "never" }];
    await modelOf("z-oldest", { modelName: "chat", criticality: "Critical", targetModels });
    await modelOf("batch", { modelName: "batch", criticality: "Sheddable" });
    await becomes("chat", "chat-v1");
    const priorities = () => Promise.all(["chat", "batch", "other"].map((model) => priorityOf("none", model)));
    await until("both", async () => (await priorities()).join() === "1,-1,0");
    // Another pool's, and the same name in the older group of pools.
    await modelOf("foreign", { modelName: "f", poolRef: { name: POOL }, targetModels: [{ name: "stolen" }] });
    // Creation times have whole seconds.
    await new Promise((resolve) => setTimeout(resolve, 1_100));
    await modelOf("a-younger", { modelName: "chat", targetModels: [{ name: "too-late" }] });
    await until("the complaint", () => picker.said('"a-younger" is left out: an older one has its modelName'));
    expect([await targetOf("chat"), await targetOf("f")]).toEqual(["chat-v1", "f"]);
    await remove(plane.admin, inferenceModels, "z-oldest");
    await becomes("chat", "too-late");
    expect(await priorityOf("none", "chat")).toBe(0);
    const renamed = patch(plane.admin, inferenceModels, "batch", { spec: { modelName: "other" } });
    await expect(renamed).rejects.toThrow("modelName is immutable");
    await remove(plane.admin, inferenceModels, "a-younger");
    await becomes("chat", "chat");
  });
});
