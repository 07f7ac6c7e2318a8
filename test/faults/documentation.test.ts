import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { renderTable } from "./harness/fault-table.ts";
import { rows } from "./rows.ts";

const page = readFileSync(join(import.meta.dirname, "../../docs/plugin-faults.md"), "utf8");

/** The formatter pads the cells of tables. */
const unpadded = (table: string | undefined): string | undefined =>
  table?.replaceAll(/ +/g, " ").replaceAll(/\| ?-+ ?(?=\|)/g, "|-");

describe("docs/plugin-faults.md", () => {
  it("shows exactly what is tested", () => {
    const table = /<!-- faults -->\n([\s\S]*?)\n<!-- \/faults -->/.exec(page)?.[1];
    expect(unpadded(table)).toBe(unpadded(renderTable(rows)));
  });

  it("leaves no plugin of this folder out", () => {
    const folders = readdirSync(join(import.meta.dirname, "plugins")).sort();
    expect([...new Set(rows.map(({ plugin }) => plugin))].sort()).toEqual(folders);
  });
});
