/** What one call costs with 100 and with 1 000 endpoints. */

import plugin from "__PACKAGE__";
import { createTestPool, createTestRequest, setUpPlugin } from "@pointsman/plugin-testkit";
import { Bench } from "tinybench";

const bench = new Bench({ time: 300, warmupTime: 100 });
const request = createTestRequest();

for (const size of [100, 1_000]) {
  const pool = createTestPool(Array.from({ length: size }, () => ({})));
  const { picker } = await setUpPlugin(plugin, { pool });
  const candidates = pool.candidates();
  const totals = Float64Array.from({ length: size }, (_, i) => (i * 37) % 101);
  const ranked = new Uint32Array(size);
  bench.add(`pick among ${size} endpoints`, () => {
    picker.pick(request, candidates, totals, ranked);
  });
}

await bench.run();
console.table(bench.table());
