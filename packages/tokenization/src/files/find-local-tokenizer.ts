import { readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { FILE_NAMES } from "./tokenizer-files.ts";

const MODEL_NAME = /^[A-Za-z0-9][\w.-]*(?:\/[A-Za-z0-9][\w.-]*)?$/;

/** True for `name` and `organization/name`; false for anything that could lead out of a folder. */
export function isModelName(name: string): boolean {
  return name.length <= 200 && MODEL_NAME.test(name) && !name.includes("..");
}

/**
 * Finds the folder of a model's tokenizer below a root: `root/org/name`, the layout of Hugging Face's cache
 * (`root/models--org--name/snapshots/REVISION`, also below `root/hub`), or the root itself.
 *
 * @returns undefined when none of them has a tokenizer.json
 */
export async function findLocalTokenizer(root: string, model: string, revision = "main"): Promise<string | undefined> {
  const folders: string[] = [];
  if (isModelName(model)) {
    folders.push(join(root, model));
    const cached = `models--${model.replaceAll("/", "--")}`;
    for (const hub of [join(root, cached), join(root, "hub", cached)])
      folders.push(...(await snapshots(hub, revision)));
  }
  folders.push(root);
  for (const folder of folders) {
    if (await isFile(join(folder, FILE_NAMES.tokenizer))) return folder;
  }
  return undefined;
}

/** The snapshot that the revision names, then the others. */
async function snapshots(hub: string, revision: string): Promise<string[]> {
  try {
    const names = await readdir(join(hub, "snapshots"));
    const named = await readFile(join(hub, "refs", revision), "utf8").catch(() => revision);
    names.sort((a, b) => Number(b === named.trim()) - Number(a === named.trim()));
    return names.map((name) => join(hub, "snapshots", name));
  } catch {
    return [];
  }
}

async function isFile(path: string): Promise<boolean> {
  return stat(path).then(
    (found) => found.isFile(),
    () => false,
  );
}
