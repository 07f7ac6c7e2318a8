import { parseInferencePool } from "@pointsman/pd-sidecar";
import { describe, expect, it } from "vitest";
import { startBackend, text } from "./harness/backend.ts";
import { ask, CHAT, startFromFlags, startRig } from "./harness/rig.ts";

const P = "x-prefiller-host-port";

describe("header parsing and routing", () => {
  it("A1 sends a request without a prefill target to the decode server, byte for byte", async () => {
    const rig = await startRig();
    const body = '{ "model":"m",  "seed":9007199254740993, "messages":[ ] , "é":1.0e2}';
    expect((await rig.ask({ body })).status).toBe(200);
    expect(rig.prefill.seen).toHaveLength(0);
    expect(rig.decode.seen.map(({ text: sent }) => sent)).toEqual([body]);
  });

  it("A3 asks the named prefill server and shows the header to nobody", async () => {
    const rig = await startRig();
    expect((await rig.disaggregated()).status).toBe(200);
    expect(rig.prefill.seen).toHaveLength(1);
    expect(rig.prefill.last.headers).not.toHaveProperty(P);
    expect(rig.decode.last.headers).not.toHaveProperty(P);
  });

  it("A4 takes the first of a list when sampling is off", async () => {
    const rig = await startRig();
    const other = await startBackend();
    await rig.ask({ headers: { [P]: `${rig.prefill.address},${other.address}` } });
    expect([rig.prefill.seen.length, other.seen.length]).toEqual([1, 0]);
  });

  it.each([
    [
      "A6 trims the entries of a list and reaches each of them when sampling is on",
      (a: string, b: string) => ` ${a}, ${b}`,
    ],
    ["A7 reaches the targets of repeated header lines when sampling is on", (a: string, b: string) => [a, b]],
  ])("%s", async (_, value) => {
    const rig = await startRig(["--enable-prefiller-sampling"]);
    const other = await startBackend(rig.prefill.reply);
    const headers = { [P]: value(rig.prefill.address, other.address) };
    for (let i = 0; i < 200 && (rig.prefill.seen.length === 0 || other.seen.length === 0); i++) {
      expect((await rig.ask({ headers })).status).toBe(200);
    }
    expect(rig.prefill.seen.length).toBeGreaterThan(0);
    expect(other.seen.length).toBeGreaterThan(0);
  });

  it.each(["--secure-proxy=false", "--secure-proxy=true"])(
    "A9 passes other paths and methods on (%s)",
    async (flag) => {
      const rig = await startRig([flag]);
      for (const path of ["/v1/embeddings", "/score", "/healthz", "/v1/completions", "/v1/messages"]) {
        const answer = await ask(rig.sidecar.port, { method: "GET", path, tls: flag.endsWith("true") });
        expect(answer.status, path).toBe(200);
        expect(rig.decode.last).toMatchObject({ method: "GET", path, text: "" });
      }
    },
  );

  it("A10 answers /health by itself, also without a model server", async () => {
    const sidecar = await startFromFlags(["--model-server-port=1"]);
    expect((await ask(sidecar.port, { method: "GET", path: "/health" })).status).toBe(200);
    expect((await ask(sidecar.port, { body: CHAT })).json).toMatchObject({ type: "ServiceUnavailable", code: 503 });
  });

  it("A12 refuses a body that is no JSON before it asks anybody", async () => {
    const rig = await startRig();
    const answer = await rig.disaggregated({ body: "not json" });
    expect([answer.status, answer.json.type]).toEqual([400, "BadRequestError"]);
    expect(answer.headers["content-type"]).toBe("application/json");
    expect([rig.prefill.seen, rig.decode.seen]).toEqual([[], []]);
  });

  it("A13 lets headers name any host when the protection is off, a public one too", async () => {
    const rig = await startRig(["--enable-ssrf-protection=false", "--prefill-timeout=200ms"]);
    const headers = { [P]: "name.invalid:80" };
    expect((await rig.ask({ headers })).status).toBe(200);
    expect((await rig.ask({ headers: { [P]: "192.0.2.1:80" } })).status).toBe(200);
    // Without --enable-ssrf-protection=false and without an allow-list, public addresses are refused.
    const careful = await startRig();
    expect((await careful.ask({ headers: { [P]: "192.0.2.1:80" } })).status).toBe(403);
    expect((await careful.ask({ headers: { [P]: "169.254.169.254:80" } })).status).toBe(403);
  });

  it("A15 answers 403 for a target that is not allowed, and asks nobody", async () => {
    const { writeFile, mkdtemp, rm } = await import("node:fs/promises");
    const { tmpdir } = await import("node:os");
    const folder = await mkdtemp(`${tmpdir()}/pointsman-sidecar-`);
    await writeFile(`${folder}/endpoints.yaml`, 'endpoints:\n- { name: a, address: 10.0.0.1, port: "8000" }\n');
    const rig = await startRig([`--ssrf-allowlist-file=${folder}/endpoints.yaml`]);
    const answer = await rig.disaggregated();
    expect(answer.status).toBe(403);
    expect(answer.text).toContain("Forbidden: prefill target not allowed by SSRF protection");
    expect([rig.prefill.seen, rig.decode.seen]).toEqual([[], []]);
    await rm(folder, { recursive: true });
  });

  it("A16 reads the selector of a pool in both of its forms and says what is missing", () => {
    const matchLabels = { app: "vllm" };
    const ga = "inference.networking.k8s.io/v1";
    const alpha = "inference.networking.x-k8s.io/v1alpha2";
    expect(parseInferencePool({ apiVersion: ga, spec: { selector: { matchLabels } } })).toEqual({ matchLabels });
    expect(parseInferencePool({ apiVersion: alpha, spec: { selector: matchLabels } })).toEqual({ matchLabels });
    const fault = (pool: unknown) => parseInferencePool(pool);
    expect(fault({ apiVersion: ga, spec: { selector: matchLabels } })).toEqual({
      fault: expect.stringContaining("matchLabels"),
    });
    expect(fault({ apiVersion: ga })).toEqual({ fault: expect.stringContaining("spec") });
    expect(fault({ apiVersion: ga, spec: {} })).toEqual({ fault: expect.stringContaining("selector") });
  });

  it("passes the model server's answer on as it is", async () => {
    const rig = await startRig([], { decode: text("teapot", 418) });
    expect(await rig.ask()).toMatchObject({ status: 418, text: "teapot" });
  });
});
