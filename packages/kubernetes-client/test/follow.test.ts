import { describe, expect, it } from "vitest";
import { ApiError } from "../src/api-error.ts";
import { follow } from "../src/follow.ts";
import type { Call } from "../src/open-cluster.ts";
import { type KubernetesObject, pods } from "../src/resource.ts";

const resource = pods("default");
const object = (name: string, value = "x", resourceVersion = "1"): KubernetesObject => ({
  metadata: { name, resourceVersion, labels: { value } },
});
const event = (type: string, of: object): string => JSON.stringify({ type, object: of });
const bookmark = (resourceVersion: string): string => event("BOOKMARK", { metadata: { name: "", resourceVersion } });
const fail = (kind: ConstructorParameters<typeof ApiError>[0]) => new ApiError(kind, { verb: "watch", resource }, kind);

type Step =
  | { list: (query: Readonly<Record<string, string>>) => object }
  | { watch: (query: Readonly<Record<string, string>>, send: (line: string) => void) => void };

/** Plays steps to a follower; the last one aborts it. */
async function play(steps: Step[], options: { pageSize?: number } = {}) {
  const abort = new AbortController();
  const sets: string[] = [];
  const contacts: (string | undefined)[] = [];
  const pauses: number[] = [];
  const take = <Kind extends "list" | "watch">(kind: Kind) => {
    const step = steps.shift();
    if (step === undefined) {
      abort.abort(new Error("end of the play"));
      throw abort.signal.reason;
    }
    if (!(kind in step)) throw new Error(`expected ${Object.keys(step)}, got ${kind}`);
    return (step as Extract<Step, Record<Kind, unknown>>)[kind];
  };
  await follow<string>({
    cluster: {
      call: async ({ query = {} }: Call) => take("list")(query),
      lines: async ({ query = {} }, onOpen, onLine) => {
        const watch = take("watch");
        onOpen();
        watch(query, onLine);
      },
    },
    resource,
    read: ({ metadata }) => metadata.labels?.["value"],
    same: (a, b) => a === b,
    onChange: (items) => sets.push([...items].map(([name, value]) => `${name}=${value}`).join()),
    onContact: (problem) => contacts.push(problem?.kind),
    signal: abort.signal,
    random: () => 0.5,
    sleep: async (ms) => void pauses.push(ms),
    ...options,
  });
  return { sets, contacts, pauses, left: steps.length };
}

const listOf = (version: string, ...items: KubernetesObject[]): Step => ({
  list: () => ({ metadata: { resourceVersion: version }, items }),
});

describe("following a resource", () => {
  it("lists, then applies what the watch tells", async () => {
    const { sets } = await play([
      listOf("5", object("a")),
      {
        watch: (query, send) => {
          expect(query["resourceVersion"]).toBe("5");
          expect(query["allowWatchBookmarks"]).toBe("true");
          send(event("ADDED", object("b")));
          send(event("MODIFIED", object("a", "y")));
          send(event("DELETED", object("b")));
        },
      },
    ]);
    expect(sets).toEqual(["a=x", "a=x,b=x", "a=y,b=x", "a=y"]);
  });

  it("applies a list of several pages as a whole", async () => {
    const { sets } = await play(
      [
        {
          list: (query) => {
            expect(query).toEqual({ limit: "1" });
            return { metadata: { continue: "more", resourceVersion: "7" }, items: [object("a")] };
          },
        },
        {
          list: (query) => {
            expect(query).toEqual({ limit: "1", continue: "more" });
            return { metadata: { resourceVersion: "7" }, items: [object("b")] };
          },
        },
      ],
      { pageSize: 1 },
    );
    expect(sets).toEqual(["a=x,b=x"]);
  });

  it("asks for smaller pages when one is too large", async () => {
    const limits: (string | undefined)[] = [];
    await play([
      {
        list: ({ limit }) => {
          limits.push(limit);
          throw fail("too-large");
        },
      },
      {
        list: ({ limit }) => {
          limits.push(limit);
          return { metadata: { resourceVersion: "1" }, items: [] };
        },
      },
    ]);
    expect(limits).toEqual(["250", "31"]);
  });

  it("goes on from the last version, bookmarks included, when the connection is lost", async () => {
    const { sets, contacts } = await play([
      listOf("5", object("a")),
      {
        watch: (_, send) => {
          send(event("ADDED", object("b", "x", "6")));
          send(bookmark("9"));
          throw fail("unreachable");
        },
      },
      {
        watch: (query) => {
          expect(query["resourceVersion"]).toBe("9");
        },
      },
    ]);
    expect(sets).toEqual(["a=x", "a=x,b=x"]);
    expect(contacts).toEqual([undefined, undefined, "unreachable", undefined]);
  });

  it("goes on from the last version when the server ends the watch", async () => {
    await play([
      listOf("5"),
      { watch: (_, send) => send(bookmark("8")) },
      { watch: (query) => expect(query["resourceVersion"]).toBe("8") },
    ]);
  });

  it.each([
    ["an event", (send: (line: string) => void) => send(event("ERROR", { code: 410, message: "too old" }))],
    [
      "the answer",
      () => {
        throw fail("gone");
      },
    ],
  ])("lists again without a flap when the version has expired, told by %s", async (_, gone) => {
    const { sets, contacts, pauses } = await play([
      listOf("5", object("a"), object("b")),
      { watch: (_query, send) => gone(send) },
      listOf("20", object("a"), object("b")),
      { watch: (query) => expect(query["resourceVersion"]).toBe("20") },
    ]);
    expect(sets).toEqual(["a=x,b=x"]);
    // Nobody was alarmed, and there was no pause before the new list.
    expect(contacts.filter((kind) => kind !== undefined)).toEqual([]);
    expect(pauses.length).toBeLessThanOrEqual(1);
  });

  it("keeps what it knows while the server is away, with growing pauses", async () => {
    const down: Step = {
      list: () => {
        throw fail("unreachable");
      },
    };
    const { sets, pauses } = await play([down, down, down, down, down, down, down, listOf("1", object("a"))]);
    expect(sets).toEqual(["a=x"]);
    expect(pauses.slice(0, 7)).toEqual([150, 300, 600, 1200, 2400, 3750, 3750]);
  });

  it("keeps what it knows when the permission is taken away, and lists again when it returns", async () => {
    const { sets, contacts } = await play([
      listOf("5", object("a")),
      {
        watch: () => {
          throw fail("forbidden");
        },
      },
      {
        list: () => {
          throw fail("forbidden");
        },
      },
      listOf("9", object("b")),
    ]);
    expect(sets).toEqual(["a=x", "b=x"]);
    expect(contacts).toContain("forbidden");
  });

  it.each([
    ["no JSON", "{half"],
    ["no event", "42"],
  ])("survives a line that is %s", async (_, line) => {
    const { sets, contacts } = await play([
      listOf("5", object("a")),
      { watch: (_query, send) => send(line) },
      listOf("6", object("a")),
    ]);
    expect(sets).toEqual(["a=x"]);
    expect(contacts).toContain("malformed");
  });

  it("survives a list without a version, and objects that are none", async () => {
    const { sets } = await play([
      { list: () => ({ items: [] }) },
      { list: () => ({ metadata: { resourceVersion: "1" }, items: [null, 7, object("a")] }) },
    ]);
    expect(sets).toEqual(["a=x"]);
  });
});
