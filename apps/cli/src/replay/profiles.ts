import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** A configuration that comes with the command. */
export interface ShippedProfile {
  readonly name: string;
  readonly file: string;
  /** The comment at the top of the file. */
  readonly about: string;
}

const folder = join(import.meta.dirname, "..", "..", "profiles");

/** The configurations that come with the command, the recommended one first. */
export function shippedProfiles(): ShippedProfile[] {
  return readdirSync(folder)
    .filter((file) => file.endsWith(".yaml"))
    .map((file) => ({
      name: file.slice(0, -".yaml".length),
      file: join(folder, file),
      about: aboutOf(readFileSync(join(folder, file), "utf8")),
    }))
    .sort((a, b) => Number(b.name === "balanced") - Number(a.name === "balanced") || a.name.localeCompare(b.name));
}

export function findProfile(name: string): ShippedProfile | undefined {
  return shippedProfiles().find((profile) => profile.name === name);
}

function aboutOf(text: string): string {
  const lines = text.split("\n");
  const end = lines.findIndex((line) => !line.startsWith("#"));
  return lines
    .slice(0, end)
    .map((line) => line.slice(1).trim())
    .join(" ");
}
