import { describe, expect, it } from "vitest";
import { DiagnosticError, diagnostic, exitCodeOf, hasErrors, isDiagnosticError } from "../src/index.ts";

const invalid = diagnostic("POINTSMAN_CONFIG_INVALID", "weight must be a number, not text");
const old = diagnostic("POINTSMAN_CONFIG_DEPRECATED_FIELD", "parser has a newer spelling");
const flag = diagnostic("POINTSMAN_CLI_UNKNOWN_FLAG", "there is no flag --prot");
const port = diagnostic("POINTSMAN_SERVER_PORT_TAKEN", "port 9002 is taken");

describe("a diagnostic", () => {
  it("takes severity and exit code from the catalogue, and can be softened to a warning", () => {
    expect(invalid).toEqual({
      code: "POINTSMAN_CONFIG_INVALID",
      message: "weight must be a number, not text",
      severity: "error",
      exitCode: 78,
    });
    expect(old).toMatchObject({ severity: "warning", exitCode: 0 });
    const soft = diagnostic("POINTSMAN_CONFIG_INVALID", "x", { severity: "warning" });
    expect(soft).toMatchObject({ severity: "warning", exitCode: 0 });
    expect(hasErrors([old, soft])).toBe(false);
  });

  it("decides the exit code: usage before configuration before unavailable, warnings never", () => {
    expect(exitCodeOf([])).toBe(0);
    expect(exitCodeOf([old])).toBe(0);
    expect(exitCodeOf([port])).toBe(69);
    expect(exitCodeOf([port, old, invalid])).toBe(78);
    expect(exitCodeOf([port, invalid, flag])).toBe(2);
  });
});

describe("a DiagnosticError", () => {
  it("speaks with its first diagnostic and keeps all of them", () => {
    const cause = new Error("EISDIR");
    const error = new DiagnosticError([diagnostic("POINTSMAN_CONFIG_UNREADABLE", "cannot read x", { cause }), invalid]);
    expect(error.message).toBe("POINTSMAN_CONFIG_UNREADABLE: cannot read x (and 1 more)");
    expect(error.cause).toBe(cause);
    expect(error.diagnostics).toHaveLength(2);
  });

  it("is recognised across copies of the package by its brand, not by its class", () => {
    const foreign = Object.assign(new Error("x"), {
      [Symbol.for("pointsman.diagnostic-error")]: true,
      diagnostics: [invalid],
    });
    expect(isDiagnosticError(foreign)).toBe(true);
    expect(isDiagnosticError(new DiagnosticError(invalid))).toBe(true);
    expect(isDiagnosticError(Object.assign(new Error("x"), { diagnostics: [invalid] }))).toBe(false);
    expect(isDiagnosticError({ diagnostics: [invalid] })).toBe(false);
  });

  it("cannot be made of nothing", () => {
    expect(() => new DiagnosticError([])).toThrow(TypeError);
  });
});
