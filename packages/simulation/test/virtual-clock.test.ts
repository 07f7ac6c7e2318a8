import { describe, expect, it } from "vitest";
import { VirtualClock } from "../src/picker/virtual-clock.ts";

describe("VirtualClock", () => {
  it("runs what is due on the way, in order, at its own time", () => {
    const clock = new VirtualClock(1_000);
    const stops: (() => void)[] = [];
    const { every } = clock.forInstance((task) => stops.push(task));
    const ran: string[] = [];
    every(100, () => ran.push(`a ${clock.now}`));
    const endB = every(150, () => ran.push(`b ${clock.now}`));
    clock.advance(1_250);
    expect(ran).toEqual(["a 1100", "b 1150", "a 1200"]);
    endB();
    for (const stop of stops) stop();
    clock.advance(2_000);
    expect(ran).toHaveLength(3);
    expect(clock.now).toBe(2_000);
  });

  it("never goes back", () => {
    const clock = new VirtualClock(1_000);
    clock.advance(500);
    expect(clock.now).toBe(1_000);
  });

  it("wakes a sleeper, unless it was aborted", async () => {
    const clock = new VirtualClock(0);
    const { sleep, now } = clock.forInstance(() => {});
    const abort = new AbortController();
    const slept = sleep(50).then(() => now());
    const aborted = sleep(50, abort.signal);
    abort.abort(new Error("enough"));
    clock.advance(60);
    expect(await slept).toBe(60);
    await expect(aborted).rejects.toThrow("enough");
  });
});
