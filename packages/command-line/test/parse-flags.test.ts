import { describe, expect, it } from "vitest";
import { defineFlags, parseFlags, renderHelp } from "../src/index.ts";

const flags = defineFlags({
  name: { kind: "string", help: "a name" },
  port: { kind: "integer", min: 0, max: 65_535, default: 9002, help: "a port" },
  secure: { kind: "boolean", default: true, help: "a switch" },
  every: { kind: "duration", default: 50, min: 10, help: "a pause" },
  size: { kind: "bytes", default: 1_048_576, help: "a size" },
  list: { kind: "list", help: "several" },
  mode: { kind: "choice", values: ["open", "closed"], default: "closed", help: "a choice" },
  v: { kind: "integer", short: "v", min: 0, max: 9, default: 2, help: "verbosity" },
  old: { kind: "ignored", help: "it is always on", bare: true },
});

const messages = (...argv: string[]): string[] => parseFlags(flags, argv).diagnostics.map(({ message }) => message);

describe("flags", () => {
  it("come in every form, and default when they are not given", () => {
    const { values, given, positionals } = parseFlags(flags, [
      "--name=a=b",
      "--port",
      "80",
      "--secure=false",
      "--every=1m30s",
      "--size",
      "64MiB",
      "--list",
      "a,b",
      "--list=c",
      "-v",
      "4",
      "rest",
    ]);
    expect(values).toMatchObject({
      name: "a=b",
      port: 80,
      secure: false,
      every: 90_000,
      size: 67_108_864,
      v: 4,
      mode: "closed",
    });
    expect(values.list).toEqual(["a", "b", "c"]);
    expect(given.has("mode")).toBe(false);
    expect(positionals).toEqual(["rest"]);
    expect(parseFlags(flags, ["--secure"]).values.secure).toBe(true);
    expect(parseFlags(flags, ["--v=3"]).values.v).toBe(3);
  });

  it("after -- are arguments", () => {
    expect(parseFlags(flags, ["--", "--port", "1"]).positionals).toEqual(["--port", "1"]);
  });

  it("report every mistake at once, each naming its flag", () => {
    expect(
      messages("--port", "http", "--secure=maybe", "--every=1ms", "--mode=ajar", "--size=big", "--prot", "1"),
    ).toEqual([
      '--port: "http" is no whole number from 0 to 65535.',
      '--secure: "maybe" is neither true nor false.',
      '--every: "1ms" is less than 10 ms.',
      '--mode: "ajar" is none of open, closed.',
      expect.stringMatching(/^--size: /),
      "There is no flag --prot.",
    ]);
  });

  it("need their value", () => {
    expect(messages("--name")).toEqual(["--name needs a value."]);
    expect(messages("--name", "--port", "1")).toEqual(["--name needs a value."]);
  });

  it("accept a negative number as a value, and refuse it by range", () => {
    expect(messages("--port", "-1")).toEqual(['--port: "-1" is no whole number from 0 to 65535.']);
  });

  it("suggest what exists", () => {
    expect(parseFlags(flags, ["--prot=1"]).diagnostics[0]?.notes).toEqual([{ label: "did you mean", text: "--port" }]);
  });

  it("that mean nothing here are a warning", () => {
    const { diagnostics } = parseFlags(flags, ["--old"]);
    expect(diagnostics).toMatchObject([{ severity: "warning", message: "--old has no effect here: it is always on." }]);
  });
});

describe("the help", () => {
  it("names every flag with its kind and default, those without effect last", () => {
    const text = renderHelp({ usage: "x [flags]", about: "Does x.", flags });
    expect(text).toContain("--port N");
    expect(text).toContain("a port (default 9002)");
    expect(text).toContain("--size SIZE");
    expect(text).toContain("(default 1MiB)");
    expect(text).toContain("-v, --v N");
    expect(text.indexOf("--old")).toBeGreaterThan(text.indexOf("--mode"));
  });
});
