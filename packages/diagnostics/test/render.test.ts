import { describe, expect, it } from "vitest";
import { createSource, diagnostic, formatPath, renderDiagnostics } from "../src/index.ts";

const text = `apiVersion: llm-d.ai/v1alpha1
plugins:
  - { type: load-aware-scorer, parameters: { threshold: 16 } }
  - type: prefix-cahce-scorer
`;
const start = text.indexOf("prefix-cahce");
const missing = diagnostic("POINTSMAN_PLUGIN_NOT_FOUND", 'No installed package provides "prefix-cahce-scorer".', {
  path: ["plugins", 1, "type"],
  place: createSource("/etc/pointsman/config.yaml", text).place(start, start + "prefix-cahce-scorer".length),
  notes: [
    { label: "in", text: "/etc/pointsman, /opt/plugins" },
    { label: "did you mean", text: "prefix-cache-scorer" },
  ],
});

describe("rendered as text", () => {
  it("an error shows code, message, place, frame, notes and where to read on", () => {
    expect(renderDiagnostics([missing], { format: "text" })).toBe(
      `POINTSMAN_PLUGIN_NOT_FOUND  No installed package provides "prefix-cahce-scorer".

  /etc/pointsman/config.yaml:4:11
    3 |   - { type: load-aware-scorer, parameters: { threshold: 16 } }
  > 4 |   - type: prefix-cahce-scorer
      |           ^^^^^^^^^^^^^^^^^^^
  in            /etc/pointsman, /opt/plugins
  did you mean  prefix-cache-scorer
  docs          ERRORS.md#pointsman_plugin_not_found

1 error`,
    );
  });

  it("a warning says so, and what has no place names its path, plugin and causes", () => {
    const cause = new Error("setup", { cause: Object.assign(new Error("refused"), { code: "ECONNREFUSED" }) });
    const failed = diagnostic("POINTSMAN_PLUGIN_STOP_FAILED", "The plugin did not stop.", {
      path: ["plugins", 0],
      origin: "@acme/tenant 1.2.0",
      hint: "check redis://u:secret@host",
      cause,
    });
    expect(renderDiagnostics([failed], { format: "text" })).toBe(
      `POINTSMAN_PLUGIN_STOP_FAILED  warning: The plugin did not stop.

  plugin        @acme/tenant 1.2.0
  at            plugins[0]
  hint          check redis://********@host
  cause         Error: setup
  cause         Error: refused (ECONNREFUSED)
  docs          ERRORS.md#pointsman_plugin_stop_failed

1 warning`,
    );
  });

  it("colours only when asked, and control characters of a file never reach the terminal", () => {
    const hostile = "a: \u001b[2Jx\tb\n";
    const item = diagnostic("POINTSMAN_CONFIG_INVALID", "bad \u001b]0;title", {
      place: createSource("f", hostile).place(3, 9),
    });
    expect(renderDiagnostics([item], { format: "text" })).not.toContain("\u001b");
    const coloured = renderDiagnostics([item], { format: "text", color: true });
    expect(coloured).toContain("\u001b[31mPOINTSMAN_CONFIG_INVALID\u001b[39m");
    expect(coloured).not.toContain("\u001b[2J");
  });

  it("cuts a long line around the mark", () => {
    const long = `{${"x".repeat(5_000)}: HERE${"y".repeat(5_000)}}`;
    const at = long.indexOf("HERE");
    const { frame } = createSource("f", long).place(at, at + 4);
    const line = frame!.lines[0]!;
    expect(line.length).toBeLessThanOrEqual(122);
    expect(line.slice(frame!.markColumn - 1, frame!.markColumn - 1 + frame!.markLength)).toBe("HERE");
  });

  it("of nothing is nothing", () => {
    expect(renderDiagnostics([], { format: "text" })).toBe("");
  });
});

describe("rendered as JSON", () => {
  it("is one object with everything a program needs", () => {
    const result = JSON.parse(renderDiagnostics([missing], { format: "json" }));
    expect(result).toMatchObject({ errors: 1, warnings: 0, exitCode: 78 });
    expect(result.diagnostics[0]).toMatchObject({
      code: "POINTSMAN_PLUGIN_NOT_FOUND",
      path: ["plugins", 1, "type"],
      place: { file: "/etc/pointsman/config.yaml", line: 4, column: 11, length: 19 },
      docs: "ERRORS.md#pointsman_plugin_not_found",
    });
  });

  it.each([
    ["a string", "plain"],
    ["null", null],
    [
      "an object whose getters throw",
      {
        get message() {
          throw new Error("no");
        },
      },
    ],
    ["a revoked proxy", revoked()],
    ["a circular chain", circular()],
  ])("survives a thrown value that is %s", (_name, cause) => {
    const item = diagnostic("POINTSMAN_PLUGIN_IMPORT_FAILED", "x", { cause });
    for (const format of ["json", "text"] as const) {
      expect(renderDiagnostics([item], { format })).toContain("POINTSMAN_PLUGIN_IMPORT_FAILED");
    }
  });
});

it("a path reads like code", () => {
  expect(formatPath(["plugins", 2, "parameters", "matchLabels", "llm-d.ai/role"])).toBe(
    'plugins[2].parameters.matchLabels["llm-d.ai/role"]',
  );
  expect(formatPath([])).toBe("(the whole document)");
});

function revoked(): unknown {
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  return proxy;
}

function circular(): Error {
  const error = new Error("round");
  error.cause = error;
  return error;
}
