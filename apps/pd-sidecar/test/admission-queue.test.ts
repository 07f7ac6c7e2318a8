import { describe, expect, it } from "vitest";
import {
  type Claim,
  createAdmissionQueue,
  NotAdmitted,
  type QueueOptions,
  type Ticket,
} from "../src/admission/admission-queue.ts";

const CLAIM: Claim = { prefill: false, blocks: 0, priority: 0, tenant: "" };
const never = new AbortController().signal;

const queueOf = (options: Partial<QueueOptions> = {}) =>
  createAdmissionQueue({ maxDecodes: 1, maxPrefills: 0, maxQueue: 0, timeoutMs: 0, hasRoom: () => true, ...options });

/** Lets them all wait behind one that runs, then says in which order they are let in. */
async function orderOf(claims: readonly Partial<Claim>[], options: Partial<QueueOptions> = {}): Promise<number[]> {
  const queue = queueOf(options);
  const first = queue.tryEnter(CLAIM)!;
  const order: number[] = [];
  const done = claims.map((claim, i) =>
    queue.enter({ ...CLAIM, ...claim }, never).then((ticket) => {
      order.push(i);
      ticket.release();
      ticket.prefillDone();
    }),
  );
  first.release();
  await Promise.all(done);
  expect([queue.waiting, queue.decodes, queue.prefills, queue.reserved]).toEqual([0, 0, 0, 0]);
  return order;
}

describe("the order of the queue", () => {
  it("is that of arrival", async () => {
    expect(await orderOf([{}, {}, {}])).toEqual([0, 1, 2]);
  });

  it("is that of priorities first", async () => {
    expect(await orderOf([{ priority: -1 }, {}, { priority: 7 }, { priority: 7 }])).toEqual([2, 3, 1, 0]);
  });

  it("lets tenants take turns, whoever has more in line", async () => {
    const claims = ["a", "a", "a", "a", "b", "c", "b"].map((tenant) => ({ tenant }));
    expect(await orderOf(claims)).toEqual([0, 4, 5, 1, 6, 2, 3]);
  });
});

describe("the queue", () => {
  it("is passed by when there is room, unless somebody waits", async () => {
    const queue = queueOf({ maxDecodes: 2, maxPrefills: 1 });
    const prefill = { ...CLAIM, prefill: true };
    const first = queue.tryEnter(prefill)!;
    expect(queue.tryEnter(prefill)).toBeUndefined();
    const second = queue.enter(prefill, never);
    // There is a decode slot, but somebody waits.
    expect(queue.tryEnter(CLAIM)).toBeUndefined();
    // Who waits beside a claim that cannot be met is not held up by it.
    const plain = await queue.enter(CLAIM, never);
    plain.release();
    first.prefillDone();
    const ticket = await second;
    expect([queue.decodes, queue.prefills]).toEqual([2, 1]);
    for (const each of [first, ticket]) {
      each.prefillDone();
      each.release();
      each.release();
      each.prefillDone();
    }
    expect([queue.decodes, queue.prefills, queue.waiting]).toEqual([0, 0, 0]);
  });

  it("is unlimited with 0", () => {
    const queue = queueOf({ maxDecodes: 0 });
    const tickets: (Ticket | undefined)[] = Array.from({ length: 1_000 }, () => queue.tryEnter(CLAIM));
    expect(tickets.every((ticket) => ticket !== undefined)).toBe(true);
    for (const ticket of tickets) ticket!.release();
    expect(queue.decodes).toBe(0);
  });

  it("refuses whom it has no room for, and whose client has left before", async () => {
    const queue = queueOf({ maxQueue: 1 });
    const first = queue.tryEnter(CLAIM)!;
    const second = queue.enter(CLAIM, never);
    await expect(queue.enter(CLAIM, never)).rejects.toMatchObject({ reason: "full" });
    await expect(queue.enter(CLAIM, AbortSignal.abort())).rejects.toMatchObject({ reason: "aborted" });
    first.release();
    (await second).release();
  });

  it("forgets who leaves or has waited too long", async () => {
    const queue = queueOf({ timeoutMs: 20 });
    const first = queue.tryEnter(CLAIM)!;
    const leaving = new AbortController();
    const left = queue.enter(CLAIM, leaving.signal);
    leaving.abort();
    await expect(left).rejects.toMatchObject({ reason: "aborted" });
    expect(queue.waiting).toBe(0);
    await expect(queue.enter(CLAIM, never)).rejects.toBeInstanceOf(NotAdmitted);
    expect(queue.waiting).toBe(0);
    first.release();
    expect(queue.decodes).toBe(0);
  });

  it("counts promised blocks until the model server counts them, and looks again when told", async () => {
    let free = 10;
    const queue = queueOf({ maxDecodes: 0, hasRoom: ({ blocks }, reserved) => reserved + blocks <= free });
    const first = queue.tryEnter({ ...CLAIM, blocks: 8 })!;
    expect(queue.reserved).toBe(8);
    const second = queue.enter({ ...CLAIM, blocks: 5 }, never);
    // The model server has taken them: they are gone from what is free.
    first.started();
    free = 2;
    queue.look();
    expect([queue.reserved, queue.waiting]).toEqual([0, 1]);
    free = 10;
    queue.look();
    (await second).release();
    first.release();
    expect([queue.reserved, queue.decodes]).toEqual([0, 0]);
  });
});
