import { ApiError, errorOfEvent } from "./api-error.ts";
import { type Backoff, createBackoff } from "./backoff.ts";
import type { Cluster } from "./open-cluster.ts";
import { type KubernetesObject, pathOf, type Resource } from "./resource.ts";

export interface FollowOptions<Item> {
  readonly cluster: Pick<Cluster, "call" | "lines">;
  readonly resource: Resource;
  readonly labelSelector?: string;
  readonly fieldSelector?: string;
  /** What is kept of an object; undefined leaves it out. Must not throw. */
  readonly read: (object: KubernetesObject) => Item | undefined;
  /** True when nothing that matters differs; such changes are not told. */
  readonly same: (a: Item, b: Item) => boolean;
  /** Called after the first complete list, and after each change. The map is live: do not write, do not keep. */
  readonly onChange: (items: ReadonlyMap<string, Item>) => void;
  /** Called with an error when contact is lost or refused, once per attempt; with undefined when it is there again. */
  readonly onContact: (problem: ApiError | undefined) => void;
  readonly signal: AbortSignal;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  readonly sleep: (ms: number, signal: AbortSignal) => Promise<void>;
  /** Objects in one page of a list. Default 250: a page of pods is then parsed in some 10 ms. */
  readonly pageSize?: number;
}

const FIRST_PAUSE_MS = 200;
const LONGEST_PAUSE_MS = 5_000;
/** Watches are ended by the server after this long, and a little more at random; a dead connection is noticed then. */
const WATCH_SECONDS = 120;
const WATCH_SPREAD_SECONDS = 60;
/** A watch that lived this long was a good one. */
const STEADY_MS = 1_000;
const LARGEST_EVENT = 16 * 1_048_576;

/**
 * Keeps a copy of the objects of one resource, by list and watch, until the signal aborts. Never rejects.
 *
 * A list is read in pages and applied as a whole, so nothing is missing in between; while the server is away or
 * refuses, the copy stays as it was. After a lost connection the watch goes on from the last resource version;
 * only an expired version (410) or a refusal leads to a new list.
 */
export async function follow<Item>(options: FollowOptions<Item>): Promise<void> {
  const { signal, sleep, random } = options;
  const backoff = createBackoff(FIRST_PAUSE_MS, LONGEST_PAUSE_MS, random);
  const copy = new Copy(options);
  let version: string | undefined;
  while (!signal.aborted) {
    try {
      version ??= await list(options, copy);
      version = await watch(options, copy, version, backoff);
      // Ended by the server, in order.
    } catch (error) {
      if (signal.aborted) return;
      const problem = asApiError(error, options.resource);
      if (problem.kind !== "unreachable") version = undefined;
      else version = copy.version;
      // An expired version is nothing to report, unless it goes on.
      if (problem.kind === "gone" && backoff.next() < 2 * FIRST_PAUSE_MS) continue;
      options.onContact(problem);
      await sleep(backoff.next(), signal).catch(() => {});
    }
  }
}

/** The objects as far as they are known. */
class Copy<Item> {
  readonly #options: FollowOptions<Item>;
  #items = new Map<string, Item>();
  #listed = false;
  /** Where a watch can go on; undefined before the first list and after an expired version. */
  version: string | undefined;

  constructor(options: FollowOptions<Item>) {
    this.#options = options;
  }

  replace(items: Map<string, Item>, version: string): void {
    const { same, onChange } = this.#options;
    const before = this.#items;
    let changed = !this.#listed || before.size !== items.size;
    for (const [name, item] of items) {
      if (changed) break;
      const old = before.get(name);
      changed = old === undefined || !same(old, item);
    }
    this.#items = items;
    this.#listed = true;
    this.version = version;
    if (changed) onChange(items);
  }

  apply(type: string, object: KubernetesObject): void {
    const { read, same, onChange } = this.#options;
    const { name } = object.metadata;
    const old = this.#items.get(name);
    const item = type === "DELETED" ? undefined : read(object);
    if (item === undefined) this.#items.delete(name);
    else this.#items.set(name, item);
    const unchanged = item === undefined || old === undefined ? item === old : same(old, item);
    if (!unchanged) onChange(this.#items);
  }
}

interface ListAnswer {
  readonly metadata?: { readonly resourceVersion?: string; readonly continue?: string };
  readonly items?: readonly KubernetesObject[];
}

async function list<Item>(options: FollowOptions<Item>, copy: Copy<Item>): Promise<string> {
  const { cluster, resource, read, signal } = options;
  const attempt = { verb: "list", resource };
  const items = new Map<string, Item>();
  let pageSize = options.pageSize ?? 250;
  let token = "";
  for (;;) {
    const query = { ...selectors(options), limit: String(pageSize), ...(token === "" ? {} : { continue: token }) };
    let page: ListAnswer;
    try {
      page = (await cluster.call({ attempt, path: pathOf(resource), query, signal })) as ListAnswer;
    } catch (error) {
      if (!(error instanceof ApiError) || error.kind !== "too-large" || pageSize === 1) throw error;
      pageSize = Math.max(1, pageSize >> 3);
      continue;
    }
    for (const object of page.items ?? []) {
      const item = isObject(object) ? read(object) : undefined;
      if (item !== undefined) items.set(object.metadata.name, item);
    }
    token = page.metadata?.continue ?? "";
    if (token !== "") continue;
    const version = page.metadata?.resourceVersion ?? "";
    if (version === "") throw new ApiError("malformed", attempt, "the list has no resource version");
    options.onContact(undefined);
    copy.replace(items, version);
    return version;
  }
}

/** @returns the version to go on from when the server ended the watch. */
async function watch<Item>(
  options: FollowOptions<Item>,
  copy: Copy<Item>,
  from: string,
  backoff: Backoff,
): Promise<string> {
  const { cluster, resource, random, signal } = options;
  const attempt = { verb: "watch", resource };
  const seconds = Math.round(WATCH_SECONDS + random() * WATCH_SPREAD_SECONDS);
  const query = {
    ...selectors(options),
    watch: "1",
    allowWatchBookmarks: "true",
    resourceVersion: from,
    timeoutSeconds: String(seconds),
  };
  copy.version = from;
  const onOpen = (): void => options.onContact(undefined);
  const onLine = (line: string): void => {
    const { type, object } = parseEvent(attempt, line);
    if (type === "ERROR") throw errorOfEvent(attempt, object);
    if (!isObject(object)) return;
    backoff.reset();
    if (type !== "BOOKMARK") copy.apply(type, object);
    copy.version = object.metadata.resourceVersion ?? copy.version;
  };
  const call = {
    attempt,
    path: pathOf(resource),
    query,
    signal,
    timeoutMs: (seconds + 10) * 1_000,
    maxBytes: LARGEST_EVENT,
  };
  const openedAt = performance.now();
  try {
    await cluster.lines(call, onOpen, onLine);
  } finally {
    if (performance.now() - openedAt > STEADY_MS) backoff.reset();
  }
  // A server that ends watches at once must not be asked in a circle.
  if (performance.now() - openedAt < STEADY_MS) await options.sleep(backoff.next(), signal);
  return copy.version;
}

function selectors({
  labelSelector,
  fieldSelector,
}: Pick<FollowOptions<never>, "labelSelector" | "fieldSelector">): Record<string, string> {
  return {
    ...(labelSelector === undefined ? {} : { labelSelector }),
    ...(fieldSelector === undefined ? {} : { fieldSelector }),
  };
}

function parseEvent(attempt: { verb: string; resource: Resource }, line: string): { type: string; object: unknown } {
  try {
    const { type, object } = JSON.parse(line) as { type?: unknown; object?: unknown };
    if (typeof type === "string") return { type, object };
  } catch {
    // Said below.
  }
  throw new ApiError("malformed", attempt, "an event of the watch is not JSON");
}

function isObject(value: unknown): value is KubernetesObject {
  return typeof (value as KubernetesObject | undefined)?.metadata === "object";
}

function asApiError(error: unknown, resource: Resource): ApiError {
  if (error instanceof ApiError) return error;
  const detail = error instanceof Error ? error.message : String(error);
  return new ApiError("malformed", { verb: "watch", resource }, detail, undefined, error);
}
