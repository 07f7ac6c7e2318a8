import { benchPlugin } from "@pointsman/plugin-testkit";
import plugins from "../src/index.ts";

/** What one call costs with 100 and with 1 000 endpoints. */
await benchPlugin(plugins, { print: console.log });
