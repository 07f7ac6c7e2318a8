import { describe, expect, it } from "vitest";
import { parseCommandLine, renderHelp } from "../src/command-line.ts";
import { optionNames, optionTable } from "../src/option-table.ts";
import { ModelSimOptionError, parseModelSimOptions } from "../src/options.ts";

const messageOf = (...argv: string[]): string => {
  const line = parseCommandLine(argv);
  return line.kind === "error" ? line.message : `no error, but ${line.kind}`;
};

describe("the command line", () => {
  it("understands both spellings, repeated names and lists", () => {
    const line = parseCommandLine(
      "--model a --model b,c --lora=x,y --port 9000 --ttft-ms=1.5 --servers 3 --drain-ms 5 --name pod".split(" "),
    );
    expect(line).toMatchObject({
      kind: "run",
      servers: 3,
      drainMs: 5,
      options: { models: ["a", "b", "c"], loras: ["x", "y"], port: 9000, ttftMs: 1.5, name: "pod", blockSize: 16 },
    });
  });

  it.each([
    [["--wrong", "1"], "unknown flag --wrong"],
    [["--port"], "--port needs a value"],
    [["--port", "http"], "--port must be an integer"],
    [["--port", "70000"], "--port must be an integer from 0 to 65535"],
    [["--jitter", "1.5"], "--jitter must be a number from 0 to 1"],
    [["--max-num-seqs", "0"], "--max-num-seqs must be"],
    [["--block-size", "1.5"], "--block-size must be an integer"],
    [["--ttft-ms", ""], "--ttft-ms must be a number"],
    [["--name", "a b"], "--name must be"],
    [["--model", "a,a"], "--model lists a name twice"],
    [["--model", ","], "--model must name at least one"],
    [["--lora", "sim-model"], '--lora "sim-model" is the name of a model too'],
    [["--port", "65535", "--servers", "2"], "--servers 2"],
    [["serve"], 'unexpected argument "serve"'],
  ])("refuses %j and names the flag", (argv, expected) => {
    expect(messageOf(...argv)).toContain(expected);
  });

  it("lists every flag in the help", () => {
    for (const name of optionNames) expect(renderHelp()).toContain(`--${optionTable[name].flag} `);
    expect(renderHelp()).toContain("--servers ");
  });
});

describe("programmatic options", () => {
  it("are checked by the same rules, by name", () => {
    expect(() => parseModelSimOptions({ jitter: 2 })).toThrow(ModelSimOptionError);
    expect(() => parseModelSimOptions({ jitter: Number.NaN })).toThrow("jitter: must be a number from 0 to 1");
    expect(() => parseModelSimOptions({ models: [] })).toThrow("models: must name at least one model");
    expect(() => parseModelSimOptions({ ttft: 3 } as never)).toThrow("ttft: is not an option");
  });
});
