import { describe, expect, it, vi } from "vitest";
import { plain, RBEnd, RH } from "../harness/notation.ts";
import type { TestPicker } from "../harness/picker.ts";
import { rolePod, startPd, tokens } from "./pd-picker.ts";

const decode = rolePod("decode", "10.0.0.1:8000");
const prefill = rolePod("prefill", "10.0.0.5:8000");

/** Requests in flight at the decode and at the prefill endpoint, as the metrics page has them. */
async function legs(picker: TestPicker): Promise<readonly (number | undefined)[]> {
  const at = (endpoint_name: string) => picker.metric("inflight_requests", { endpoint_name });
  return [await at(decode.name), await at(prefill.name)];
}

async function started(): Promise<TestPicker> {
  const picker = await startPd({ decider: { nonCachedTokens: 1 } });
  picker.pool.set(prefill, decode);
  return picker;
}

describe("the requests in flight of a split request", () => {
  it("count at both endpoints until the answer begins, then at decode alone, then nowhere", async () => {
    const picker = await started();
    const stream = picker.open();
    stream.send(...plain(tokens(10)));
    await stream.answered(2);
    expect(await legs(picker)).toEqual([1, 1]);
    stream.send(RH({ ":status": "200" }));
    await stream.answered(3);
    expect(await legs(picker)).toEqual([1, 0]);
    stream.send(RBEnd("{}"));
    stream.halfClose();
    await stream.ended;
    await vi.waitFor(async () => expect(await legs(picker)).toEqual([0, 0]));
  });

  it("are given back when the client goes away before the answer", async () => {
    const picker = await started();
    const stream = picker.open();
    stream.send(...plain(tokens(10)));
    await stream.answered(2);
    stream.cancel();
    await vi.waitFor(async () => expect(await legs(picker)).toEqual([0, 0]));
  });

  it("are given back when the proxy could not reach anybody", async () => {
    const picker = await started();
    const stream = picker.open();
    stream.send(...plain(tokens(10)), RH({ ":status": "503", "content-type": "text/plain" }));
    await stream.answered(3);
    expect(await legs(picker)).toEqual([0, 0]);
    stream.halfClose();
    await stream.ended;
    expect(await legs(picker)).toEqual([0, 0]);
  });
});
