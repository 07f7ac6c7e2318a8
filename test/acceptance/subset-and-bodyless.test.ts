import type { JsonValue } from "@pointsman/ext-proc";
import { describe, expect, it } from "vitest";
import { destinationOf, expectReject, expectRoute } from "./harness/expectations.ts";
import { BODY, H, HEnd, inMode, LLM, type Message, md, plain, subset } from "./harness/notation.ts";
import { CFG_D, CFG_Q, startPicker } from "./harness/picker.ts";
import { survivors } from "./harness/scores.ts";
import { EP, type Pod, pod } from "./harness/test-pool.ts";

const cfgD = await startPicker(CFG_D);
/** Shows who was a candidate. */
const candidates = await startPicker(CFG_Q, { emitScores: true });

const NO_CANDIDATES =
  "inference error: ServiceUnavailable - failed to find endpoint candidates for serving the request";
const lora = [EP(0, 0, 0.2, "foo"), EP(1, 0, 0.1, "foo", "sql-lora-1fdg2"), EP(2, 10, 0.2, "foo")];

/** A request whose messages all carry the hint. */
function hinted(hint: JsonValue): Message[] {
  return plain(BODY("m", "p")).map((message) => md(message, subset(hint)));
}

/** Names of the endpoints that a hint leaves; none when the request is refused with 503. */
async function left(pods: readonly Pod[], messages: readonly Message[]): Promise<string[]> {
  candidates.pool.set(...pods);
  const replay = await candidates.replay(messages);
  if (replay.answers[0]?.kind !== "immediate_response") return survivors(candidates, messages);
  expectReject(replay, 503, NO_CANDIDATES, "rejected-no-endpoints");
  return [];
}

describe("subset", () => {
  it("B01 chooses the best of a subset that holds everybody", async () => {
    cfgD.pool.set(...lora);
    const all = ["192.168.1.1:8000", "192.168.1.2:8000", "192.168.1.3:8000"];
    const replay = await cfgD.replay(LLM("test2", "sql-lora", "sql-lora-1fdg2", all));
    expectRoute(replay, "192.168.1.2:8000", { body: BODY("sql-lora-1fdg2", "test2") });
  });

  it("B02 chooses the only endpoint of the subset, although it is the busiest of the pool", async () => {
    cfgD.pool.set(...lora);
    const replay = await cfgD.replay(LLM("test2", "sql-lora", "sql-lora-1fdg2", ["192.168.1.3:8000"]));
    expectRoute(replay, "192.168.1.3:8000", { body: BODY("sql-lora-1fdg2", "test2") });
  });

  it("B03 refuses a request whose subset names nobody of the pool", async () => {
    cfgD.pool.set(...lora.slice(0, 2));
    const replay = await cfgD.replay(LLM("test2", "sql-lora", "sql-lora-1fdg2", ["192.168.1.99:8000"]));
    expectReject(replay, 503, NO_CANDIDATES, "rejected-no-endpoints");
  });

  it("B06 takes from a list the entries that are addresses of the pool", async () => {
    const pods = [pod("a", "10.0.0.1:8080"), pod("b", "10.0.0.2:8080"), pod("c", "10.0.0.3:9090")];
    expect(await left(pods, hinted(["10.0.0.1:8080"]))).toEqual(["a"]);
    expect(await left(pods, hinted(["10.0.0.1:8080", "10.0.0.3:9090"]))).toEqual(["a", "c"]);
    expect(await left(pods, hinted(["192.168.1.1:8080"]))).toEqual([]);
    expect(await left(pods, hinted([]))).toEqual([]);
    expect(await left(pods, hinted(["10.0.0.1:8080", 12345]))).toEqual(["a"]);
  });

  it("B07 ignores every subset when the filter is switched off", async () => {
    const picker = await startPicker(CFG_Q, { emitScores: true, honourSubset: false });
    picker.pool.set(pod("a", "10.0.0.1:8080"), pod("b", "10.0.0.2:8080"), pod("c", "10.0.0.3:8080"));
    for (const hint of [["10.0.0.1:8080"], [], ["192.168.1.1:8080"]]) {
      expect(await survivors(picker, hinted(hint))).toEqual(["a", "b", "c"]);
    }
  });

  it("B09 keeps one of three endpoints", async () => {
    const pods = [1, 2, 3].map((i) => pod(`ip${i}`, `10.0.0.${i}:8080`));
    expect(await left(pods, hinted(["10.0.0.3:8080"]))).toEqual(["ip3"]);
  });

  it("B10 reads a text as a comma-separated list, with blanks and empty entries", async () => {
    const pods = [1, 2, 3].map((i) => pod(`ip${i}`, `10.0.0.${i}:8080`));
    expect(await left(pods, hinted("10.0.0.2:8080,10.0.0.3:8080"))).toEqual(["ip2", "ip3"]);
    expect(await left(pods, hinted("  10.0.0.2:8080 ,  ,  10.0.0.3:8080  "))).toEqual(["ip2", "ip3"]);
    expect(await left(pods, hinted("192.168.1.1:8080"))).toEqual([]);
  });

  it("B12 tells a hint without the key, which allows all, from an empty one, which allows nobody", async () => {
    const pods = [pod("a", "10.0.0.1:8080"), pod("b", "10.0.0.2:8080")];
    const other = plain(BODY("m", "p")).map((message) =>
      md(message, { "envoy.lb.subset_hint": { other: ["10.0.0.1:8080"] } }),
    );
    expect(await left(pods, other)).toEqual(["a", "b"]);
    expect(await left(pods, hinted([]))).toEqual([]);
  });

  it("B13 respects ports; an address alone stands for all of its ports", async () => {
    const pods = ["10.0.0.1:8080", "10.0.0.1:9090", "10.0.0.2:8080", "10.0.0.2:9090"].map((address) =>
      pod(address.replace(":", "-"), address),
    );
    const at = async (hint: string) => (await left(pods, hinted(hint))).map((name) => name.replace("-", ":"));
    expect(await at("10.0.0.1:8080")).toEqual(["10.0.0.1:8080"]);
    expect(await at("10.0.0.1")).toEqual(["10.0.0.1:8080", "10.0.0.1:9090"]);
    expect(await at("10.0.0.1:8080,10.0.0.2")).toEqual(["10.0.0.1:8080", "10.0.0.2:8080", "10.0.0.2:9090"]);
    expect(await at("10.0.0.1:3000")).toEqual([]);
  });
});

describe("requests without a body", () => {
  it("B15 refuses them with 503 when there are no endpoints", async () => {
    cfgD.pool.set();
    const replay = await cfgD.replay([HEnd({ "content-type": "application/json" })]);
    expectReject(replay, 503, NO_CANDIDATES, "rejected-no-endpoints");
  });

  it("B16 routes them with one answer: destination, new route, a request id, nothing echoed", async () => {
    cfgD.pool.set(EP(0, 0, 0, "foo"));
    const replay = await cfgD.replay([HEnd({ "content-type": "text/event-stream", status: "200" })]);
    expect(replay.answers.map(({ kind }) => kind)).toEqual(["request_headers"]);
    const { asked } = expectRoute(replay, "192.168.1.1:8000");
    expect([...asked.set.keys()].sort()).toEqual(["x-gateway-destination-endpoint", "x-request-id"]);
    expect(asked.set.get("x-request-id")).toMatch(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);
  });

  it("B18 keeps them within the subset", async () => {
    cfgD.pool.set(EP(0, 0, 0), EP(1, 0, 0));
    const request = md(HEnd({ ":method": "GET", ":path": "/v1/models" }), subset(["192.168.1.2:8000"]));
    for (let i = 0; i < 10; i += 1) expectRoute(await cfgD.replay([request]), "192.168.1.2:8000");
  });

  it("B19 refuses them when the subset is empty", async () => {
    cfgD.pool.set(EP(0, 0, 0), EP(1, 0, 0));
    const replay = await cfgD.replay([md(HEnd({ ":method": "GET", ":path": "/v1/models" }), subset([]))]);
    expectReject(replay, 503, NO_CANDIDATES, "rejected-no-endpoints");
  });

  it("B21 decides on the headers of a POST whose body the proxy does not show", async () => {
    cfgD.pool.set(EP(0, 5, 0.5), EP(1, 0, 0));
    const stream = cfgD.open();
    stream.send(...inMode("NONE", [H({ ":method": "POST", ":path": "/v1/chat/completions" })]));
    await stream.answered(1);
    stream.halfClose();
    const replay = { sent: stream.sent, status: await stream.ended, answers: stream.answers };
    expect(replay.answers.map(({ kind }) => kind)).toEqual(["request_headers"]);
    expectRoute(replay, "192.168.1.2:8000");
  });

  it("B22 finds somebody in a pool of one or three, and nobody in an empty one", async () => {
    const request = [HEnd({ ":method": "GET", ":path": "/v1/models" })];
    cfgD.pool.set();
    expectReject(await cfgD.replay(request), 503, NO_CANDIDATES, "rejected-no-endpoints");
    cfgD.pool.set(EP(0, 0, 0));
    expect(destinationOf(await cfgD.replay(request))).toBe("192.168.1.1:8000");
    cfgD.pool.set(EP(0, 0, 0), EP(1, 0, 0), EP(2, 0, 0));
    const found = await Promise.all(Array.from({ length: 60 }, () => cfgD.replay(request)));
    expect([...new Set(found.map(destinationOf))].sort()).toEqual([
      "192.168.1.1:8000",
      "192.168.1.2:8000",
      "192.168.1.3:8000",
    ]);
  });
});
