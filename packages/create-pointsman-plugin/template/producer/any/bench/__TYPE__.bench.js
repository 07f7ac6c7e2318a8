/** What one call costs with 100 and with 1 000 endpoints. */

import plugin from "__PACKAGE__";
import { createTestPool, createTestRequest, setUpPlugin } from "@pointsman/plugin-testkit";
import { Bench } from "tinybench";

const bench = new Bench({ time: 300, warmupTime: 100 });
const request = createTestRequest({ prompt: "tell me about trains ".repeat(200) });

for (const size of [100, 1_000]) {
  const pool = createTestPool(Array.from({ length: size }, () => ({})));
  const { producer } = await setUpPlugin(plugin, { pool });
  const candidates = pool.candidates();
  const column = new Float64Array(size);
  const output = { column: () => column, set() {}, setLocal() {} };
  bench.add(`produce for ${size} endpoints`, () => {
    producer.produce(request, candidates, output);
  });
}

await bench.run();
console.table(bench.table());
