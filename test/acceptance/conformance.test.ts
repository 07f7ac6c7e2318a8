import { describe, expect, it } from "vitest";
import { destinationOf, expectReject, expectRoute } from "./harness/expectations.ts";
import { BODY, type Message, md, plain, subset } from "./harness/notation.ts";
import { CFG_Q, type PickerShape, startPicker, type TestPicker } from "./harness/picker.ts";
import { pod } from "./harness/test-pool.ts";

/** The conformance mode: pins obeyed, the choice echoed. */
const CONFORMANCE: PickerShape = {
  ...CFG_Q,
  profile: [{ type: "header-based-testing-filter", parameters: { whenAbsent: "pass" } }, ...CFG_Q.profile],
  plugins: ["conformance-echo"],
};
const picker = await startPicker(CONFORMANCE);
const BODY_S = '{"model":"conformance-fake-model","prompt":"Write as if you were a critic: San Francisco"}';
const threeIps = [1, 2, 3].map((i) => pod(`ip${i}`, `10.0.0.${i}:8080`));
const dataParallel = [1, 2, 3].flatMap((i) =>
  [3000, 3002, 3004].map((port) => pod(`ip${i}-${port}`, `10.0.0.${i}:${port}`)),
);

function pinned(pin: string, id = "r"): Message[] {
  return plain(BODY_S, { "test-epp-endpoint-selection": pin, "x-request-id": id });
}

/** Who was chosen in 100 requests, 10 at a time. */
async function chosen(by: TestPicker, pin: string): Promise<string[]> {
  const destinations = new Set<string>();
  for (let block = 0; block < 10; block += 1) {
    const ids = Array.from({ length: 10 }, (_, i) => `${pin}-${block}-${i}`);
    for (const replay of await Promise.all(ids.map((id) => by.replay(pinned(pin, id)))))
      destinations.add(destinationOf(replay));
  }
  return [...destinations].sort();
}

describe("conformance mode", () => {
  it("K01 obeys the pin, also against the subset when the hint is switched off", async () => {
    picker.pool.set(...threeIps);
    expect(await chosen(picker, "10.0.0.2")).toEqual(["10.0.0.2:8080"]);
    const pinFirst = await startPicker(CONFORMANCE, { honourSubset: false });
    pinFirst.pool.set(...threeIps);
    const request = pinned("10.0.0.2").map((message) => md(message, subset(["10.0.0.3:8080"])));
    expect(destinationOf(await pinFirst.replay(request))).toBe("10.0.0.2:8080");
    expectReject(await picker.replay(request), 503, /no endpoint is eligible/, "rejected-no-endpoints");
  });

  it("K03 takes any port of a pinned address, and only the pinned one where a port is given", async () => {
    picker.pool.set(...dataParallel);
    const all = (ip: string) => [`${ip}:3000`, `${ip}:3002`, `${ip}:3004`];
    expect(await chosen(picker, "10.0.0.2")).toEqual(all("10.0.0.2"));
    expect(await chosen(picker, "10.0.0.1,10.0.0.3:3002")).toEqual([...all("10.0.0.1"), "10.0.0.3:3002"]);
    const without3002 = await chosen(picker, "10.0.0.1,10.0.0.2:3000,10.0.0.2:3004,10.0.0.3");
    expect(without3002).toEqual([...all("10.0.0.1"), "10.0.0.2:3000", "10.0.0.2:3004", ...all("10.0.0.3")]);
  });

  it("K04 chooses only endpoints of its own pool", async () => {
    picker.pool.set(...threeIps);
    const own = ["10.0.0.1:8080", "10.0.0.2:8080", "10.0.0.3:8080"];
    expect(await chosen(picker, "10.9.0.1,10.0.0.1,10.9.0.2,10.0.0.2,10.9.0.3,10.0.0.3")).toEqual(own);
  });

  it("K06 tells the echo server which endpoint was picked", async () => {
    picker.pool.set(...threeIps);
    const { headers } = expectRoute(await picker.replay(pinned("10.0.0.3")), "10.0.0.3:8080", {
      body: BODY_S,
      sets: ["x-echo-set-header"],
    });
    expect(headers).toContainEqual(["x-echo-set-header", "x-conformance-test-served-endpoint:10.0.0.3:8080"]);
    const plainPicker = await startPicker(CFG_Q);
    plainPicker.pool.set(...threeIps.slice(0, 1));
    expectRoute(await plainPicker.replay(plain(BODY("m", "p"))), "10.0.0.1:8080", { body: BODY("m", "p") });
  });

  it("K07 answers 503 when the pin names nobody of the pool", async () => {
    picker.pool.set(...threeIps);
    expectReject(await picker.replay(pinned("10.9.9.9")), 503, /no endpoint is eligible/, "rejected-no-endpoints");
  });
});
