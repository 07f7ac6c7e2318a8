import { describe, expect, it } from "vitest";
import { encodeProcessingRequest } from "../src/codec/processing-request.ts";
import type { ExchangeFactory } from "../src/exchange.ts";
import { createHealth } from "../src/health.ts";
import { healthServices } from "../src/transport/native/health-service.ts";
import { FLAG, FRAME, SETTING } from "../src/transport/native/http2.ts";
import { Http2Fault } from "../src/transport/native/http2-fault.ts";
import { createProcessService } from "../src/transport/native/process-service.ts";
import { EXT_PROC_METHOD } from "../src/wire-names.ts";
import {
  data,
  end,
  frame,
  grpcFields,
  headers,
  hello,
  message,
  parseFrames,
  ping,
  rstStream,
  settings,
  windowUpdate,
} from "./http2-frames.ts";
import { B, BEnd, H, HEnd, RB, RBEnd, RH, ROUTE, rejection, T } from "./machine-harness.ts";
import { connectPeer } from "./native-peer.ts";

/** How long each of the two searches runs; a longer one finds more. */
const SECONDS = Number(process.env["POINTSMAN_FUZZ_SECONDS"] ?? 3);

type Random = (below: number) => number;

/** mulberry32 */
function seeded(seed: number): Random {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let value = Math.imul(state ^ (state >>> 15), 1 | state);
    value = (value + Math.imul(value ^ (value >>> 7), 61 | value)) ^ value;
    return ((value ^ (value >>> 14)) >>> 0) % below;
  };
}

const bytesOf = (random: Random, length: number) => Buffer.from(Array.from({ length }, () => random(256)));
const pick = <T>(random: Random, list: readonly T[]): T => list[random(list.length)]!;

/** The server's side: every exchange is counted, some answer later. */
function serve(random: Random) {
  let opened = 0;
  let ended = 0;
  const settles: (() => void)[] = [];
  const handler: ExchangeFactory = {
    open() {
      opened++;
      let over = false;
      return {
        route: () => {
          const answer = random(8) === 0 ? rejection(503) : ROUTE;
          if (random(3) > 0) return answer;
          return new Promise((resolve) => settles.push(() => resolve(answer)));
        },
        bodyTooLarge: () => rejection(413),
        responseHeaders: () => ({ setHeaders: [], removeHeaders: [], body: "inspect" }),
        responseBody: (chunk) => chunk,
        end() {
          expect(over).toBe(false);
          over = true;
          ended++;
        },
      };
    },
  };
  const service = createProcessService({ handler, limits: { maxBodyBytes: 100_000 } });
  const peer = connectPeer({
    services: new Map([[EXT_PROC_METHOD, service], ...healthServices(createHealth())]),
    maxMessageBytes: 200_000,
    limits: { maxStreamsPerConnection: 8, maxQueuedBytes: 300_000, maxHeaderListBytes: 2_000 },
  });
  return { peer, service, settles, opened: () => opened, ended: () => ended };
}

const MESSAGES = [H(), HEnd(), B("x"), B("y".repeat(20_000)), BEnd("z"), BEnd(), T(), RH(), RB("chunk"), RBEnd("last")];

/** What a client may send, in a valid order; frames of several streams mixed. */
function validSession(random: Random): Buffer[] {
  const frames = [hello([SETTING.INITIAL_WINDOW_SIZE, pick(random, [0, 100, 65_535, 1 << 20])])];
  const open = new Set<number>();
  let next = 1;
  const count = 5 + random(40);
  while (frames.length < count) {
    const id = [...open][random(Math.max(1, open.size))];
    const what = random(12);
    if (id === undefined || what === 0) {
      const path = pick(random, [
        EXT_PROC_METHOD,
        EXT_PROC_METHOD,
        EXT_PROC_METHOD,
        "/x",
        "/grpc.health.v1.Health/Watch",
      ]);
      const more: [string, string][] = random(4) === 0 ? [["x-more", "v".repeat(random(300))]] : [];
      frames.push(headers(next, grpcFields(path, ...more)));
      open.add(next);
      next += 2;
    } else if (what < 6) {
      const bytes = message(encodeProcessingRequest(pick(random, MESSAGES)));
      for (let at = 0; at < bytes.length; ) {
        const size = 1 + random(16_384);
        frames.push(data(id, bytes.subarray(at, at + size)));
        at += size;
      }
    } else if (what === 6) {
      frames.push(end(id));
      open.delete(id);
    } else if (what === 7) {
      frames.push(rstStream(id, random(12)));
      open.delete(id);
    } else if (what === 8) {
      frames.push(windowUpdate(random(2) * id, 1 + random(100_000)));
    } else if (what === 9) {
      frames.push(
        settings([SETTING.INITIAL_WINDOW_SIZE, random(100_000)], [SETTING.MAX_FRAME_SIZE, 16_384 + random(9)]),
      );
    } else {
      frames.push(pick(random, [ping(), frame(FRAME.PRIORITY, 0, id, Buffer.alloc(5)), frame(99, 255, id)]));
    }
  }
  return frames;
}

/** Breaks frames in ways that an attacker, or a broken client, would. */
function mutate(random: Random, frames: Buffer[]): void {
  for (let i = 1 + random(4); i > 0; i--) {
    const at = random(frames.length);
    const bytes = Buffer.from(frames[at]!);
    switch (random(8)) {
      case 0:
        frames.splice(at, 1);
        break;
      case 1:
        frames.splice(random(frames.length), 0, bytes);
        break;
      case 2:
        frames[at] = bytesOf(random, random(60));
        break;
      case 3:
        frames[at] = bytes.subarray(0, random(bytes.length + 1));
        break;
      case 4:
        frames[at] = frame(random(11), random(256), random(20), bytesOf(random, random(40)));
        break;
      case 5:
        if (bytes.length > 4)
          bytes[4] = bytes[4]! ^ pick(random, [FLAG.END_STREAM, FLAG.END_HEADERS, FLAG.PADDED, 0x20]);
        frames[at] = bytes;
        break;
      default:
        if (bytes.length > 0) bytes[random(bytes.length)] = random(256);
        frames[at] = bytes;
    }
  }
}

async function session(seed: number, broken: boolean): Promise<void> {
  const random = seeded(seed);
  const server = serve(random);
  const { peer, service, settles } = server;
  const frames = validSession(random);
  if (broken) mutate(random, frames);
  const bytes = Buffer.concat(frames);
  let written = Buffer.alloc(0);
  let now = performance.now();
  for (let at = 0; at < bytes.length; ) {
    const size = 1 + random(pick(random, [10, 1_000, 60_000]));
    peer.connection.read(bytes.subarray(at, at + size));
    at += size;
    if (random(6) === 0) {
      peer.wire.stuck = !peer.wire.stuck;
      if (!peer.wire.stuck) {
        peer.wire.writableLength = 0;
        peer.connection.drained();
      }
    }
    if (random(4) === 0) settles.shift()?.();
    if (random(10) === 0) await peer.settle();
    if (broken && random(40) === 0) peer.connection.sweep((now += random(400_000)));
    if (random(60) === 0) peer.connection.drain();
    written = Buffer.concat([written, peer.wire.take()]);
  }
  for (const settle of settles) settle();
  await peer.settle();
  if (!broken) {
    const wrong = peer.faults.filter(({ code }) => code !== "ENHANCE_YOUR_CALM" && code !== "REFUSED_STREAM");
    expect(wrong).toEqual([]);
  }
  if (random(2) === 0) peer.connection.close();
  peer.connection.gone();
  written = Buffer.concat([written, peer.wire.take()]);
  // Whatever came in: what goes out are frames, mistakes are the peer's, and nothing is left.
  const { frames: answers, rest } = parseFrames(written);
  expect(rest).toHaveLength(0);
  // A mutation may have raised MAX_FRAME_SIZE, up to which nothing else is limited.
  const longest = broken ? 32_768 : 16_393;
  expect(answers.every(({ type, payload }) => type <= FRAME.CONTINUATION && payload.length <= longest)).toBe(true);
  expect(peer.failures).toEqual([]);
  expect(peer.faults.every((fault) => fault instanceof Http2Fault)).toBe(true);
  expect(server.ended()).toBe(server.opened());
  expect(service.activeStreams).toBe(0);
  expect(peer.connection.sending.queuedBytes).toBe(0);
  expect(peer.connection.sending.waiting.size).toBe(0);
}

async function search(broken: boolean): Promise<number> {
  const until = performance.now() + SECONDS * 1000;
  const first = process.env["POINTSMAN_FUZZ_SECONDS"] === undefined ? 1 : Date.now() % 1_000_000_000;
  let sessions = 0;
  for (let seed = first; performance.now() < until || sessions < 50; seed++) {
    try {
      await session(seed, broken);
    } catch (error) {
      throw new Error(`the session of seed ${seed} (broken: ${broken}) failed`, { cause: error });
    }
    sessions++;
  }
  return sessions;
}

describe("sessions with mixed streams, cut anywhere", { timeout: SECONDS * 1000 + 20_000 }, () => {
  it("cost nothing but their streams if they are valid", async () => {
    expect(await search(false)).toBeGreaterThan(0);
  });

  it("cost at most the connection if they are broken, and every exchange ends once", async () => {
    expect(await search(true)).toBeGreaterThan(0);
  });
});
