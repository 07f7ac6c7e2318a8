import { mkdir, readdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { Refusal } from "./refusal.ts";

/**
 * Refuses a place that is taken. A folder that has only `.git` in it is as good as empty.
 * @param shown the folder as the user wrote it, for messages.
 * @throws Refusal
 */
export async function assertFree(folder: string, shown: string): Promise<void> {
  let present: readonly string[];
  try {
    present = await readdir(folder);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === "ENOENT") return;
    if (code === "ENOTDIR") throw taken(`${shown} cannot be a folder: a file stands in its way.`);
    throw taken(`${shown} cannot be read: ${message}.`);
  }
  const others = present.filter((name) => name !== ".git");
  if (others.length === 0) return;
  const some = others.slice(0, 3).join(", ");
  throw taken(`The folder ${shown} is not empty: ${some}${others.length > 3 ? ", …" : ""}.`);
}

/** Writes the files below a folder and makes the folders they need. Never replaces a file. */
export async function writePackage(folder: string, files: ReadonlyMap<string, string>): Promise<void> {
  for (const [path, text] of files) {
    const file = join(folder, path);
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, text, { flag: "wx" });
  }
}

function taken(message: string): Refusal {
  return new Refusal("POINTSMAN_CLI_FLAG_VALUE", message, ["--dir DIR makes the package somewhere else"]);
}
