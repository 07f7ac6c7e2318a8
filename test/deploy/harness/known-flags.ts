import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { type Container, root } from "./render.ts";

const command = join(root, "apps/cli/bin/pointsman.js");
const PLANTED = "--planted-mistake";

/** Whether `pointsman` has the subcommand that a container starts. */
export function isInThisBuild({ args = [] }: Container): boolean {
  help ??= spawnSync(process.execPath, [command, "--help"], { encoding: "utf8" }).stdout;
  return new RegExp(`^ +${args[0]} `, "m").test(help);
}
let help: string | undefined;

/**
 * What `pointsman` itself says of a container's arguments, one line each; nothing when it knows every flag and takes
 * every value. A mistake that is planted among them keeps it from starting, and shows that it has looked: all mistakes
 * are told at once.
 */
export function mistakesOfFlags({ args = [] }: Container): string[] {
  const { stderr, status } = spawnSync(process.execPath, [command, ...args, PLANTED], { encoding: "utf8" });
  const said = stderr.split("\n").filter((line) => line.startsWith("POINTSMAN_"));
  const planted = said.filter((line) => line.includes(PLANTED));
  if (status !== 2 || planted.length !== 1)
    throw new Error(`the planted mistake was not told (exit code ${status}): ${stderr}`);
  return said.filter((line) => line !== planted[0]);
}
