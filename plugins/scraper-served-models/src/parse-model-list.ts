/** More models than that are no list of models. */
export const mostModels = 4_096;
/** Longer names cannot be asked for. In UTF-16 units. */
export const longestModelName = 512;

/** The models of a list, or a sentence that says why it is none. */
export type ModelList = { readonly models: ReadonlySet<string>; readonly tooLong: number } | string;

/**
 * Parses the answer to `GET /v1/models`: `{ "data": [{ "id": "…" }, …] }`. Entries without an id are passed over, as are
 * ids that are too long, which are counted.
 */
export function parseModelList(text: string): ModelList {
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch {
    return "the answer is not JSON";
  }
  const data = isObject(document) ? document["data"] : undefined;
  if (!Array.isArray(data)) return "the answer has no list named data";
  if (data.length > mostModels) return `the answer lists ${data.length} models, more than ${mostModels}`;
  const models = new Set<string>();
  let tooLong = 0;
  for (const entry of data as unknown[]) {
    const id = isObject(entry) ? entry["id"] : undefined;
    if (typeof id !== "string" || id === "") continue;
    if (id.length > longestModelName) tooLong += 1;
    else models.add(id);
  }
  if (data.length > 0 && models.size === 0) return "no entry of the list has a usable id";
  return { models, tooLong };
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null;
}
