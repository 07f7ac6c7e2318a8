import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeEach, describe, expect, it } from "vitest";
import { run } from "./run-main.ts";

const base = mkdtempSync(join(tmpdir(), "create-pointsman-plugin-"));
afterAll(() => rmSync(base, { recursive: true, force: true }));

let cwd: string;
beforeEach(() => {
  cwd = mkdtempSync(join(base, "case-"));
});

const manifestIn = (folder: string) => JSON.parse(readFileSync(join(cwd, folder, "package.json"), "utf8"));
const typeIn = (folder: string): string | undefined => Object.keys(manifestIn(folder).pointsman.types)[0];

describe("create-pointsman-plugin without a terminal", () => {
  it("makes the package, installs with npm, and says what to do next", async () => {
    const { code, stdout, stderr, installs } = await run(["my-scorer", "--kind", "scorer"], { cwd });
    expect({ code, stderr, installs }).toEqual({ code: 0, stderr: "", installs: [`npm ${join(cwd, "my-scorer")}`] });
    expect(stdout).toMatch(/Made my-scorer in my-scorer[\s\S]*cd my-scorer\n {2}npm test\n {2}npm run dev\n$/);
    expect(readdirSync(join(cwd, "my-scorer", "src"))).toContain("my-scorer.ts");
  });

  it("takes language, scope and folder from the flags", async () => {
    const argv = ["load", "--kind=scraper", "--language", "js", "--scope", "@acme", "--dir", "deep/er", "--no-install"];
    const { code, stdout, installs } = await run(argv, { cwd });
    expect({ code, installs }).toEqual({ code: 0, installs: [] });
    expect(manifestIn("deep/er").name).toBe("@acme/load");
    expect(readdirSync(join(cwd, "deep/er/src"))).toEqual([
      "index.d.ts",
      "index.js",
      "keys.d.ts",
      "keys.js",
      "load-scraper.js",
    ]);
    expect(stdout).toContain("cd deep/er\n  npm install\n");
  });

  it("takes defaults with --yes, the kind from the name", async () => {
    expect(await run(["--yes", "--no-install"], { cwd })).toMatchObject({ code: 0 });
    expect(typeIn("my-scorer")).toBe("my-scorer");
    expect(await run(["busy-filter", "-y", "--no-install"], { cwd })).toMatchObject({ code: 0 });
    expect(typeIn("busy-filter")).toBe("busy-filter");
  });

  it("installs with the package manager that runs it, and keeps the package when that fails", async () => {
    const options = { cwd, userAgent: "pnpm/10.34.9 npm/? node/v20", installCode: 7 };
    const { code, stderr, stdout } = await run(["a", "--kind", "hook"], options);
    expect(code).toBe(1);
    expect(stderr).toMatch(/pnpm install ended with code 7/);
    expect(stdout).toContain("pnpm install\n  pnpm test\n");
    expect(typeIn("a")).toBe("a-hook");
  });

  it.each<[what: string, argv: string[], message: RegExp]>([
    ["no name", ["--kind", "scorer"], /CLI_FLAG_MISSING {2}The name is missing[\s\S]*NAME -- --kind/],
    ["no kind", ["my-scorer"], /CLI_FLAG_MISSING {2}--kind is missing[\s\S]*filter, scorer/],
    [
      "an unknown kind",
      ["a", "--kind", "score"],
      /CLI_FLAG_VALUE {2}--kind: "score" is none of[\s\S]*did you mean {2}scorer/,
    ],
    ["an unknown language", ["a", "--kind", "hook", "--language", "rust"], /--language: "rust" is none of ts, js/],
    [
      "an unknown flag",
      ["a", "--kidn", "scorer"],
      /CLI_UNKNOWN_FLAG {2}There is no flag --kidn\.\n {2}did you mean {2}--kind\n/,
    ],
    ["a flag of nobody", ["a", "--frobnicate"], /no flag --frobnicate\.\n {2}--help/],
    ["an unknown letter", ["a", "-x"], /There is no flag -x/],
    ["a flag named like a member of Object", ["a", "--constructor"], /There is no flag --constructor/],
    ["a value forgotten at the end", ["a", "--kind"], /--kind needs a value/],
    ["a value forgotten before a flag", ["a", "--kind", "--no-install"], /--kind needs a value/],
    ["an empty value", ["a", "--kind", "hook", "--dir="], /--dir needs a value/],
    ["a value too many", ["a", "--yes=no"], /--yes takes no value/],
    ["two names", ["a", "scorer"], /CLI_FLAG_CONFLICT {2}One name is enough; there are 2: a, scorer/],
    [
      "a name with capitals",
      ["My Scorer", "--kind", "scorer"],
      /No package can be called "My Scorer"[\s\S]*fits {2}my-scorer/,
    ],
    ["a name that climbs", ["../up", "--kind", "scorer"], /No package can be called "\.\.\/up"/],
    ["a wrong scope", ["a", "--kind", "hook", "--scope", "@A B"], /"@A B\/a" \(from --scope\): the name has a scope/],
  ])("refuses %s with code 2 and makes nothing", async (_, argv, message) => {
    const { code, stderr, stdout } = await run(argv, { cwd });
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toMatch(message);
    expect(readdirSync(cwd)).toEqual([]);
  });

  it("refuses a folder that is not empty, and touches nothing in it", async () => {
    mkdirSync(join(cwd, "my-scorer"));
    writeFileSync(join(cwd, "my-scorer", "notes.txt"), "mine");
    const { code, stderr } = await run(["my-scorer", "--kind", "scorer"], { cwd });
    expect(code).toBe(2);
    expect(stderr).toMatch(/my-scorer is not empty: notes\.txt\.\n {2}--dir DIR/);
    expect(readdirSync(join(cwd, "my-scorer"))).toEqual(["notes.txt"]);
  });

  it("refuses a file in the folder's place", async () => {
    writeFileSync(join(cwd, "my-scorer"), "mine");
    const { code, stderr } = await run(["my-scorer", "--kind", "scorer"], { cwd });
    expect({ code, stderr }).toEqual({
      code: 2,
      stderr: expect.stringMatching(/my-scorer cannot be a folder: a file stands in its way/),
    });
  });

  it("takes an empty folder, and one with nothing but a repository", async () => {
    mkdirSync(join(cwd, "here", ".git"), { recursive: true });
    expect(await run(["a", "--kind", "hook", "--dir", "here", "--no-install"], { cwd })).toMatchObject({ code: 0 });
    expect(typeIn("here")).toBe("a-hook");
  });

  it("refuses a folder below a file", async () => {
    writeFileSync(join(cwd, "file"), "");
    const { code, stderr } = await run(["a", "--kind", "hook", "--dir", "file/below"], { cwd });
    expect({ code, stderr }).toEqual({ code: 2, stderr: expect.stringMatching(/file\/below cannot be a folder/) });
  });

  it("prints its flags for --help, whatever else is there", async () => {
    const { code, stdout } = await run(["a", "--help"], { cwd });
    expect(code).toBe(0);
    for (const flag of ["--kind", "--language", "--scope", "--dir", "--yes", "--no-install"])
      expect(stdout).toContain(flag);
  });
});

describe("create-pointsman-plugin in a terminal", () => {
  it("asks for what is missing, with the kind that the name suggests", async () => {
    const { code, stdout } = await run(["--no-install"], { cwd, answers: ["idle-picker", "", "js"] });
    expect(code).toBe(0);
    expect(stdout).toMatch(/Name of the package\? \(my-scorer\)[\s\S]*Kind\? \(picker\)[\s\S]*Language\? \(ts\)/);
    expect(readdirSync(join(cwd, "idle-picker", "src"))).toContain("idle-picker.js");
  });

  it("asks again until an answer fits", async () => {
    const answers = ["My Scorer", "my-thing", "scorrer", "scorer", "typescript", "ts"];
    const { code, stdout } = await run(["--no-install"], { cwd, answers });
    expect(code).toBe(0);
    expect(stdout).toMatch(/That has capital letters[\s\S]*Did you mean scorer\?[\s\S]*It is one of ts, js/);
    expect(typeIn("my-thing")).toBe("my-thing-scorer");
  });

  it("asks nothing that the flags say, and nothing at all with --yes", async () => {
    const argv = ["a", "--kind", "hook", "--language", "ts", "--no-install"];
    expect(await run(argv, { cwd, answers: [] })).toMatchObject({ code: 0 });
    expect(await run(["--yes", "--no-install"], { cwd, answers: [] })).toMatchObject({ code: 0 });
  });

  it("makes nothing when the person gives up", async () => {
    const { code, stderr } = await run([], { cwd, answers: ["my-scorer", null] });
    expect({ code, stderr }).toEqual({ code: 130, stderr: "\nnothing was made\n" });
    expect(readdirSync(cwd)).toEqual([]);
  });
});
