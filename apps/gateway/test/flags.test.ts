import { describe, expect, it } from "vitest";
import { parseCommandLine } from "../src/flags.ts";
import { completeOptions, DEFAULTS } from "../src/options.ts";

describe("the command line", () => {
  it("without flags gives the defaults of the API", () => {
    const { onFault: _, ...defaults } = DEFAULTS;
    expect(parseCommandLine([])).toEqual({ kind: "run", options: defaults, drainTimeoutMs: 30_000 });
  });

  it("takes every flag", () => {
    const argv =
      "--host :: --port 0 --picker p:1 --picker-tls --failure-mode open --endpoints a:1,b:2 --message-timeout 200ms --max-body-bytes 1KiB --test-headers --drain-timeout 1s";
    expect(parseCommandLine(argv.split(" "))).toEqual({
      kind: "run",
      drainTimeoutMs: 1_000,
      options: {
        host: "::",
        port: 0,
        picker: "p:1",
        pickerTls: true,
        failureMode: "open",
        endpoints: ["a:1", "b:2"],
        messageTimeoutMs: 200,
        maxBodyBytes: 1_024,
        testHeaders: true,
      },
    });
  });

  it("reports all mistakes together", () => {
    const line = parseCommandLine([
      "--prot",
      "1",
      "--picker",
      "nowhere",
      "--endpoints",
      "a:1,b",
      "--failure-mode",
      "ajar",
      "--message-timeout",
      "0s",
    ]);
    expect(line.kind === "wrong" && line.diagnostics.map(({ code, message }) => `${code} ${message}`)).toEqual([
      "POINTSMAN_CLI_UNKNOWN_FLAG There is no flag --prot.",
      'POINTSMAN_CLI_FLAG_VALUE --failure-mode: "ajar" is none of open, closed.',
      'POINTSMAN_CLI_FLAG_VALUE --message-timeout: "0s" is less than 1 ms.',
      'POINTSMAN_CLI_FLAG_VALUE The command takes no argument "1".',
      'POINTSMAN_CLI_FLAG_VALUE --picker: "nowhere" is no HOST:PORT.',
      'POINTSMAN_CLI_FLAG_VALUE --endpoints: "b" is no HOST:PORT.',
    ]);
  });

  it("has a help page that names every flag", () => {
    const line = parseCommandLine(["--help"]);
    for (const flag of ["--host", "--picker-tls", "--failure-mode open|closed", "--drain-timeout"]) {
      expect(line.kind === "help" && line.text).toContain(flag);
    }
  });
});

describe("the options of the API", () => {
  it.each([{ picker: "x" }, { endpoints: ["x"] }, { messageTimeoutMs: 0 }, { maxBodyBytes: -1 }])(
    "refuse %j",
    (wrong) => {
      expect(() => completeOptions({ host: "h", port: 0, picker: "p:1", ...wrong })).toThrow(TypeError);
    },
  );
});
