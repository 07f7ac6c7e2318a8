import { configCodes } from "./catalogue/config.ts";
import type { CatalogueEntry } from "./catalogue/entry.ts";
import { environmentCodes } from "./catalogue/environment.ts";
import { graphCodes } from "./catalogue/graph.ts";
import { pluginCodes } from "./catalogue/plugin.ts";
import { processCodes } from "./catalogue/process.ts";

const entries = { ...configCodes, ...environmentCodes, ...pluginCodes, ...graphCodes, ...processCodes };

/** Every code that Pointsman reports. A code that has been released keeps its meaning. */
export type DiagnosticCode = keyof typeof entries;

/** Code → what it means, how to mend it, and the exit code. ERRORS.md is written from it. */
export const catalogue: Readonly<Record<DiagnosticCode, CatalogueEntry>> = Object.freeze(entries);
