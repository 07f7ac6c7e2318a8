import type { KubernetesObject } from "@pointsman/kubernetes-client";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { activeRanks } from "../src/active-ports.ts";
import { endpointsOf } from "../src/endpoints-of.ts";
import { type Pod, readPod } from "../src/pod.ts";
import { checkPorts, parsePool } from "../src/pool-spec.ts";

type Meta = Partial<KubernetesObject["metadata"]>;
const ready = { podIP: "10.0.0.1", conditions: [{ type: "Ready", status: "True" }] };
const object = (name: string, metadata: Meta = {}, status: unknown = ready): KubernetesObject => ({
  metadata: { name, namespace: "ns", ...metadata },
  status,
});
const pod = (name: string, metadata?: Meta, status?: unknown): Pod => {
  const read = readPod(object(name, metadata, status));
  if (read === undefined) throw new Error(`${name} does not count`);
  return read;
};

describe("a pod", () => {
  it.each<[string, Meta, unknown]>([
    ["is being deleted", { deletionTimestamp: "2026-01-01T00:00:00Z" }, ready],
    ["has no status", {}, undefined],
    ["has an empty status", {}, {}],
    ["has no address", {}, { ...ready, podIP: undefined }],
    ["has an empty address", {}, { ...ready, podIP: "" }],
    ["has an address that is none", {}, { ...ready, podIP: "pod.example.com" }],
    ["has conditions that are no list", {}, { ...ready, conditions: { type: "Ready", status: "True" } }],
    ["has a condition that is none", {}, { ...ready, conditions: [null, 7] }],
    ["is not ready", {}, { ...ready, conditions: [{ type: "Ready", status: "False" }] }],
  ])("that %s does not count", (_, metadata, status) => {
    // `undefined` would be the default above.
    expect(readPod({ ...object("p", metadata), status })).toBeUndefined();
  });

  it("counts whatever its phase, its age and the clock of the API server are", () => {
    for (const creationTimestamp of ["2999-01-01T00:00:00Z", "1970-01-01T00:00:00Z", "yesterday"]) {
      expect(pod("p", { creationTimestamp }, { ...ready, phase: "Pending" }).host).toBe("10.0.0.1");
    }
  });

  it("brings its annotations along, without the manifest, and up to a limit", () => {
    const annotations = {
      "kubectl.kubernetes.io/last-applied-configuration": "{}",
      small: "1",
      large: "x".repeat(20_000),
      "llm-d.ai/active-ports": "8000",
    };
    expect(pod("p", { annotations }).annotations).toEqual({ small: "1", "llm-d.ai/active-ports": "8000" });
  });

  it("is read whatever stands in it, without a throw", () => {
    fc.assert(
      fc.property(fc.anything(), fc.anything(), (metadata, status) => {
        const extra = typeof metadata === "object" && metadata !== null ? (metadata as Meta) : {};
        readPod({ metadata: { ...extra, name: "p", labels: {}, annotations: {} }, status });
      }),
      { numRuns: 300 },
    );
  });
});

describe("endpoints of pods", () => {
  it("are one for each pod and active port, named by rank", () => {
    const annotations = { "llm-d.ai/active-ports": "8001" };
    const two = pod("b", { annotations }, { ...ready, podIP: "::1" });
    const { specs, annotations: told } = endpointsOf([pod("a"), two], [8000, 8001]);
    expect(specs.map(({ name, host, port, rank }) => [name, host, port, rank])).toEqual([
      ["a-rank-0", "10.0.0.1", 8000, 0],
      ["a-rank-1", "10.0.0.1", 8001, 1],
      ["b-rank-1", "::1", 8001, 1],
    ]);
    expect([...told]).toEqual([["ns/b-rank-1", annotations]]);
  });

  it("give one address to the younger of two pods, by name where they are as old, whatever the order", () => {
    const old = pod("z", { creationTimestamp: "2026-01-01T00:00:00Z" });
    const young = pod("a", { creationTimestamp: "2026-01-01T00:00:01Z" });
    const twin = pod("b", { creationTimestamp: "2026-01-01T00:00:01Z" });
    for (const order of [
      [old, young, twin],
      [twin, young, old],
      [young, old, twin],
    ]) {
      const { specs, complaints } = endpointsOf(order, [8000]);
      expect(specs.map(({ name }) => name)).toEqual(["b-rank-0"]);
      expect(complaints).toHaveLength(2);
    }
  });
});

describe("active ports", () => {
  it.each(["", ",", "x", "-8000", "8000.0", "99999999", "8000x", "0x1f40"])("of %j are none", (text) => {
    expect(activeRanks({ "llm-d.ai/active-ports": text }, [8000])).toEqual([]);
  });
});

describe("a pool", () => {
  const spec = (value: unknown): ReturnType<typeof parsePool> => parsePool({ metadata: { name: "p" }, spec: value });

  it("is read in both versions", () => {
    const current = { selector: { matchLabels: { b: "2", a: "1" } }, targetPorts: [{ number: 2 }, { number: 1 }] };
    expect(spec(current)).toEqual({ labelSelector: "a=1,b=2", targetPorts: [2, 1] });
    const older = { selector: { a: "1" }, targetPortNumber: 3 };
    expect(spec(older)).toEqual({ labelSelector: "a=1", targetPorts: [3] });
  });

  it.each<[string, unknown, string]>([
    ["no spec", undefined, "selector is empty"],
    ["an empty selector", { selector: { matchLabels: {} }, targetPorts: [{ number: 1 }] }, "selector is empty"],
    ["a selector that is a list", { selector: [], targetPorts: [{ number: 1 }] }, "selector is empty"],
    ["a label that is a number", { selector: { a: 1 }, targetPortNumber: 1 }, "no text for label a"],
    ["no ports", { selector: { a: "1" }, targetPorts: [] }, "no target ports"],
    ["port 0", { selector: { a: "1" }, targetPorts: [{ number: 0 }] }, "target port 0 is no port"],
    ["a port that is missing", { selector: { a: "1" }, targetPorts: [{}] }, "is no port"],
    ["a port that is none", { selector: { a: "1" }, targetPortNumber: "8000" }, 'target port "8000" is no port'],
  ])("with %s is refused, and says why", (_, value, message) => {
    expect(spec(value)).toContain(message);
  });

  it("has at most eight different ports", () => {
    expect(checkPorts([1, 2, 2, 1])).toEqual([1, 2]);
    expect(checkPorts([1, 2, 3, 4, 5, 6, 7, 8, 9])).toContain("more than 8");
  });
});
