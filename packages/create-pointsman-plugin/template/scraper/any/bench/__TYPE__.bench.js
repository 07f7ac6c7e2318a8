/** What one reading over loopback costs. */

import plugin from "__PACKAGE__";
import { createServer } from "node:http";
import { createTestPool, setUpPlugin } from "@pointsman/plugin-testkit";
import { Bench } from "tinybench";

const server = createServer((_request, response) => response.end('{"server_load": 7}'));
await new Promise((listening) => server.listen(0, "127.0.0.1", listening));

const pool = createTestPool([{ host: "127.0.0.1", port: server.address().port }]);
const { scraper } = await setUpPlugin(plugin, { pool });
const [endpoint] = pool.candidates();
const { signal } = new AbortController();
const write = { set() {} };

const bench = new Bench({ time: 300, warmupTime: 100 });
bench.add("one reading", async () => {
  await scraper.scrape(endpoint, { signal, write });
});
await bench.run();
console.table(bench.table());

server.close();
server.closeAllConnections();
