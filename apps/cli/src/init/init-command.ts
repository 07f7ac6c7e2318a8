import { readFileSync, writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { defineFlags, parseFlags, renderHelp } from "@pointsman/command-line";
import { diagnostic, hasErrors, suggest } from "@pointsman/diagnostics";
import { writeDiagnostics } from "../plugins/write-diagnostics.ts";
import { findProfile, shippedProfiles } from "../replay/profiles.ts";

const flags = defineFlags({
  profile: { kind: "string", default: "balanced", placeholder: "NAME", help: "which one" },
  list: { kind: "boolean", default: false, help: "list the profiles, and stop" },
  output: {
    kind: "string",
    default: "pointsman.config.yaml",
    placeholder: "FILE",
    help: "where to write it; - prints it",
  },
  force: { kind: "boolean", default: false, help: "replace a file that is there" },
});

const help = {
  usage: "pointsman init [--profile NAME] [flags]",
  about: "Writes a configuration to begin with.",
  flags,
};

/** `pointsman init`. */
export async function init(argv: readonly string[]): Promise<number> {
  const { values, positionals, help: wantsHelp, diagnostics } = parseFlags(flags, argv);
  if (wantsHelp) {
    process.stdout.write(renderHelp(help));
    return 0;
  }
  const problems = [...diagnostics];
  if (positionals.length > 0) {
    problems.push(
      diagnostic("POINTSMAN_CLI_UNKNOWN_FLAG", `"${positionals[0]}" is no flag: name a profile with --profile.`),
    );
  }
  if (hasErrors(problems)) return writeDiagnostics(problems);
  const profiles = shippedProfiles();
  if (values.list) {
    const width = Math.max(...profiles.map(({ name }) => name.length)) + 2;
    process.stdout.write(profiles.map(({ name, about }) => `${name.padEnd(width)}${about}\n`).join(""));
    return 0;
  }
  const profile = findProfile(values.profile);
  if (profile === undefined) {
    const names = profiles.map(({ name }) => name);
    const notes = suggest(values.profile, names).map((text) => ({ label: "did you mean", text }));
    const message = `There is no profile "${values.profile}", only ${names.join(", ")}.`;
    return writeDiagnostics([diagnostic("POINTSMAN_CLI_FLAG_VALUE", message, { notes })]);
  }
  const text = readFileSync(profile.file, "utf8");
  if (values.output === "-") {
    process.stdout.write(text);
    return 0;
  }
  try {
    writeFileSync(resolve(values.output), text, { flag: values.force ? "w" : "wx" });
  } catch (cause) {
    const exists = (cause as NodeJS.ErrnoException).code === "EEXIST";
    const reason = exists ? "it exists; --force replaces it" : String((cause as Error).message);
    return writeDiagnostics([
      diagnostic("POINTSMAN_REPLAY_OUTPUT", `${values.output} cannot be written: ${reason}.`, { cause }),
    ]);
  }
  process.stdout.write(`wrote ${values.output} (profile ${profile.name})\n`);
  return 0;
}
