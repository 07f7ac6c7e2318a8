import { describe, expect, it } from "vitest";
import { destinationOf, forwarded } from "./harness/expectations.ts";
import { BODY, md, plain, RBEnd, RH, served } from "./harness/notation.ts";
import { CFG_Q, type PickerShape, startPicker, type TestPicker } from "./harness/picker.ts";
import { survivors } from "./harness/scores.ts";
import { EP, pod } from "./harness/test-pool.ts";

function withAffinity(parameters?: object): PickerShape {
  const filter = { type: "session-affinity-filter", ...(parameters === undefined ? {} : { parameters }) };
  return { ...CFG_Q, profile: [filter, "queue-scorer", "max-score-picker"] };
}

/** One request and its answer: where it went, and what the answer's headers got. */
async function turn(picker: TestPicker, headers: Record<string, string> = {}, answer = RH({ ":status": "200" })) {
  const replay = await picker.replay([...plain(BODY("m", "p"), headers), answer, RBEnd("{}")]);
  expect(replay.answers).toHaveLength(4);
  return { went: destinationOf(replay), set: forwarded(replay, "response").asked.set };
}

describe("session affinity", () => {
  it("S01 sends a session back to where its token was given out", async () => {
    const picker = await startPicker(withAffinity());
    picker.pool.set(EP(0, 0, 0.1), EP(1, 0, 0.1));
    const first = await turn(picker);
    const token = first.set.get("x-session-token");
    expect(token).toBeTruthy();
    const busy = EP(first.went === "192.168.1.1:8000" ? 0 : 1, 100, 0.9);
    const idle = EP(first.went === "192.168.1.1:8000" ? 1 : 0, 0, 0);
    picker.pool.set(busy, idle);
    expect((await turn(picker, { "x-session-token": token! })).went).toBe(first.went);
    expect((await turn(picker)).went).not.toBe(first.went);
  });

  it("S03 writes namespace and name of the endpoint that served into the token, in the configured header", async () => {
    const picker = await startPicker(withAffinity());
    const named = pod("test-pod-name", "10.0.0.1:8000", { namespace: "namespace1" });
    picker.pool.set(named);
    expect((await turn(picker)).set.get("x-session-token")).toBe("bmFtZXNwYWNlMS90ZXN0LXBvZC1uYW1l");
    picker.pool.set(EP(0, 0, 0), named);
    const elsewhere = md(RH({ ":status": "200" }), served("192.168.1.1:8000"));
    const token = (await turn(picker, { "x-session-token": "bmFtZXNwYWNlMS90ZXN0LXBvZC1uYW1l" }, elsewhere)).set;
    expect(token.get("x-session-token")).toBe("ZGVmYXVsdC9wb2QtMC1yYW5rLTA=");

    const renamed = await startPicker(withAffinity({ encodedEndpointHeaderConfig: { header: "X-My-Session" } }));
    renamed.pool.set(named);
    expect([...(await turn(renamed)).set]).toEqual([["x-my-session", "bmFtZXNwYWNlMS90ZXN0LXBvZC1uYW1l"]]);
  });

  it("S04 remembers sessions by id: of a header first, else of the agent, and writes nothing", async () => {
    const sources = [{ header: "x-session-id" }, { attribute: "agent-identity" }];
    const picker = await startPicker(withAffinity({ strategy: "session_id", sessionIdConfig: { sources } }));
    picker.pool.set(EP(0, 0, 0.1), EP(1, 0, 0.1));
    const repeated = async (headers: Record<string, string>) => {
      const turns = [];
      for (let i = 0; i < 10; i += 1) turns.push(await turn(picker, { ...headers, "x-request-id": `turn-${i}` }));
      for (const { set } of turns) expect([...set]).toEqual([]);
      const places = new Set(turns.map(({ went }) => went));
      expect(places.size).toBe(1);
      return turns[0]!.went;
    };
    const ofA = await repeated({ "x-session-id": "sess-A" });
    const agentHeader = "x-claude-code-session-id";
    // An agent that is bound to the other endpoint, so that the last step can tell the two apart.
    let agent = "";
    for (let i = 0; agent === ""; i += 1) {
      const candidate = { [agentHeader]: `agent-${i}`, "x-request-id": `agent-${i}` };
      if ((await turn(picker, candidate)).went !== ofA) agent = `agent-${i}`;
    }
    expect(await repeated({ [agentHeader]: agent })).not.toBe(ofA);
    expect(await repeated({ "x-session-id": "sess-A", [agentHeader]: agent })).toBe(ofA);
  });
});

describe("roles", () => {
  it("S12 keeps for each phase the endpoints that can do it", async () => {
    const roles = [
      "decode",
      "prefill",
      "prefill-decode",
      "both",
      "encode-prefill-decode",
      "encode",
      "encode-prefill",
      "none",
    ];
    const pods = roles.map((role, i) =>
      pod(role, `10.0.0.${i + 1}:8000`, role === "none" ? {} : { labels: { "llm-d.ai/role": role } }),
    );
    const kept = async (filter: string) => {
      const picker = await startPicker({ ...CFG_Q, profile: [filter, ...CFG_Q.profile] }, { emitScores: true });
      picker.pool.set(...pods);
      return survivors(picker, plain(BODY("m", "p")));
    };
    expect(await kept("decode-filter")).toEqual(["decode", "prefill-decode", "both", "encode-prefill-decode", "none"]);
    expect(await kept("prefill-filter")).toEqual([
      "prefill",
      "prefill-decode",
      "both",
      "encode-prefill-decode",
      "encode-prefill",
    ]);
    expect(await kept("encode-filter")).toEqual(["encode-prefill-decode", "encode", "encode-prefill"]);
  });
});
