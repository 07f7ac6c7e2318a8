/** Lets Node run `bench/*.bench.ts`: types are removed, and `../src/x.ts` means the built `../dist/x.js`. */
import { register } from "node:module";

register("./bench-hooks.mjs", import.meta.url);
