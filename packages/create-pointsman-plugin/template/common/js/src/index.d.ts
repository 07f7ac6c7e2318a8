import type { Plugin } from "@pointsman/plugin-api";

declare const plugin: Plugin;
export default plugin;
