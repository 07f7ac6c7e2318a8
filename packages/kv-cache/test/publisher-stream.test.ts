import { describe, expect, it, vi } from "vitest";
import { noStreamCounts, PublisherStream } from "../src/index.ts";

/** A publisher that keeps what it sends, as far as it is told to. */
function setUp(options: { replays?: boolean } = {}) {
  const kept: { sequence: number; text: string }[] = [];
  const seen: string[] = [];
  const replays: number[] = [];
  const state = { fails: false, hold: undefined as Promise<void> | undefined };
  const stream = new PublisherStream(
    {
      apply: (payload) => void seen.push(payload.toString()),
      reset: () => void seen.push("RESET"),
      replay:
        options.replays === false
          ? undefined
          : async (from, signal, onBatch) => {
              replays.push(from);
              await state.hold;
              if (state.fails) throw new Error("no answer");
              for (const { sequence, text } of kept.filter((one) => one.sequence >= from)) {
                if (signal.aborted) throw new Error("aborted");
                if (!onBatch(sequence, Buffer.from(text))) throw new Error("refused");
              }
            },
    },
    noStreamCounts(),
  );
  return {
    stream,
    seen,
    replays,
    state,
    kept,
    /** Keeps a message and sends it, unless told otherwise. */
    publish: (sequence: number, text = `m${sequence}`, sent = true) => {
      kept.push({ sequence, text });
      if (sent) stream.message(sequence, Buffer.from(text));
    },
    settled: async () => {
      for (let i = 0; i < 20; i += 1) await Promise.resolve();
    },
  };
}

describe("without a replay socket", () => {
  it("messages in order are applied, repetitions are not", () => {
    const { stream, seen, publish } = setUp({ replays: false });
    stream.connected();
    publish(4);
    publish(5);
    publish(5);
    publish(6);
    expect(seen).toEqual(["m4", "m5", "m6"]);
    expect(stream.counts).toMatchObject({ duplicates: 1, gaps: 0 });
  });

  it("a gap, a restart and a lost connection each make the endpoint's blocks void", () => {
    const { stream, seen, publish } = setUp({ replays: false });
    stream.connected();
    publish(0);
    publish(2);
    publish(0, "new");
    expect(seen).toEqual(["m0", "RESET", "m2", "RESET", "new"]);
    stream.disconnected();
    stream.connected();
    publish(1, "next");
    expect(seen.slice(5)).toEqual(["RESET", "next"]);
    expect(stream.counts).toMatchObject({ gaps: 1, restarts: 1, resets: 3 });
  });

  it("a connection that stays away makes them void in time", () => {
    vi.useFakeTimers();
    try {
      const { stream, seen, publish } = setUp({ replays: false });
      stream.connected();
      publish(0);
      stream.disconnected();
      vi.advanceTimersByTime(9_000);
      expect(seen).toEqual(["m0"]);
      vi.advanceTimersByTime(2_000);
      expect(seen).toEqual(["m0", "RESET"]);
    } finally {
      vi.useRealTimers();
    }
  });
});

describe("with a replay socket", () => {
  it("what was published before is got first, and each message is applied once", async () => {
    const { stream, seen, publish, settled } = setUp();
    publish(0, "m0", false);
    publish(1, "m1", false);
    stream.connected();
    publish(2);
    await settled();
    publish(3);
    expect(seen).toEqual(["m0", "m1", "m2", "m3"]);
  });

  it("a gap is filled in order", async () => {
    const { stream, seen, publish, settled, replays } = setUp();
    stream.connected();
    await settled();
    publish(0);
    publish(1, "m1", false);
    publish(2, "m2", false);
    publish(3);
    publish(4);
    await settled();
    publish(5);
    expect(seen).toEqual(["m0", "m1", "m2", "m3", "m4", "m5"]);
    expect(replays).toEqual([0, 1]);
    expect(stream.counts).toMatchObject({ gaps: 1, resets: 0 });
  });

  it("a gap that the publisher can no longer fill makes the blocks void; what it has is applied", async () => {
    const { stream, seen, publish, settled, kept } = setUp();
    stream.connected();
    await settled();
    publish(0);
    publish(1, "m1", false);
    kept.splice(0, 2);
    publish(2, "m2", false);
    publish(3);
    await settled();
    expect(seen).toEqual(["m0", "RESET", "m2", "m3"]);
  });

  it("a publisher that has started anew is noticed, also when it counts on from where the old one was", async () => {
    const { stream, seen, publish, settled, kept } = setUp();
    stream.connected();
    await settled();
    publish(0);
    publish(1);
    stream.disconnected();
    kept.splice(0);
    for (const sequence of [0, 1, 2]) publish(sequence, `new${sequence}`, false);
    stream.connected();
    await settled();
    expect(seen).toEqual(["m0", "m1", "RESET", "new0", "new1", "new2"]);
    expect(stream.counts.restarts).toBe(1);
  });

  it("a connection that was lost and found again goes on where it was", async () => {
    const { stream, seen, publish, settled } = setUp();
    stream.connected();
    await settled();
    publish(0);
    publish(1);
    stream.disconnected();
    publish(2, "m2", false);
    stream.connected();
    publish(3);
    await settled();
    expect(seen).toEqual(["m0", "m1", "m2", "m3"]);
    expect(stream.counts).toMatchObject({ restarts: 0, resets: 0 });
  });

  it("a restart on a connection that stays is noticed by the numbers", async () => {
    const { stream, seen, publish, settled, kept } = setUp();
    stream.connected();
    await settled();
    publish(0);
    publish(1);
    kept.splice(0);
    publish(0, "new0");
    await settled();
    publish(1, "new1");
    expect(seen).toEqual(["m0", "m1", "RESET", "new0", "new1"]);
  });

  it("a replay that fails makes the blocks void and is not asked for again and again", async () => {
    const { stream, seen, publish, settled, replays, state } = setUp();
    stream.connected();
    await settled();
    publish(0);
    state.fails = true;
    publish(1, "m1", false);
    publish(2);
    await settled();
    expect(seen).toEqual(["m0", "RESET", "m2"]);
    publish(4);
    await settled();
    expect(seen).toEqual(["m0", "RESET", "m2", "RESET", "m4"]);
    expect(replays).toEqual([0, 1]);
  });

  it("a publisher whose replay never joins what it sends is given up after a few attempts", async () => {
    const { stream, settled, replays } = setUp();
    stream.connected();
    await settled();
    for (let i = 0; i < 50; i += 1) {
      stream.message(10 * i, Buffer.from("x"));
      await settled();
    }
    expect(replays.length).toBeLessThanOrEqual(10);
    expect(stream.counts.messages).toBe(50);
  });
});
