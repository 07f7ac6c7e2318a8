/** What the hooks add to one request. */

import plugin from "__PACKAGE__";
import { createTestPool, createTestRequest, setUpPlugin } from "@pointsman/plugin-testkit";
import { Bench } from "tinybench";

const pool = createTestPool([{}, {}]);
const { postChoice, afterResponse } = await setUpPlugin(plugin, { pool });
const request = createTestRequest();
const picked = [...pool.candidates()];
const choice = {
  picked,
  primaryProfile: "default",
  profiles: ["default"],
  result: () => undefined,
  setHeader() {},
  removeHeader() {},
  setBodyField() {},
};
const completion = { outcome: "ended", served: picked[0], status: 200, usage: undefined, durationMs: 1 };

const bench = new Bench({ time: 300, warmupTime: 100 });
bench.add("both hooks", () => {
  postChoice(request, choice);
  afterResponse(request, completion);
});
await bench.run();
console.table(bench.table());
