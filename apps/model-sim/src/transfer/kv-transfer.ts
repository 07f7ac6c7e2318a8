import { randomUUID } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";
import type { EngineClock } from "../engine/clock.ts";
import type { EngineWork } from "../engine/engine.ts";
import type { Failures } from "../failures.ts";
import { ApiError } from "../formats/api-error.ts";
import { parseJsonObject, requireString } from "../formats/json-fields.ts";
import { resetConnection, sendJson } from "../http/answers.ts";
import { readBody } from "../http/body.ts";
import type { Route } from "../http/server.ts";
import type { ModelSimOptions } from "../option-table.ts";
import { createHeldKv, type HeldKv } from "./held-kv.ts";
import {
  type DecodeLeg,
  joinHostPort,
  mayTransfer,
  readTransferLeg,
  type ServerRole,
  type TransferLeg,
} from "./transfer-leg.ts";

/** Path on which one simulator fetches KV blocks from another one. Real servers use RDMA or a socket of their own. */
const PULL_PATH = "/sim/kv/pull";
const MAX_PULL_BYTES = 4096;

/** Disaggregated serving of one server. */
export interface KvTransfer {
  readonly held: HeldKv;
  /** Fetches that failed, so that the prompt was computed here or the request refused. */
  readonly failed: number;
  readonly routes: ReadonlyMap<string, Route>;
  /** What a body says of a transfer. @throws {ApiError} 400 */
  legOf(body: Buffer, request: IncomingMessage): TransferLeg | undefined;
  /**
   * Fetches the blocks of a prompt. @returns how many of its tokens need not be computed; 0 when that failed
   * @throws {ApiError} 500 when it failed and the options say that this ends the request
   */
  pull(leg: DecodeLeg, signal: AbortSignal): Promise<number>;
  /** Makes work keep the blocks of its prompt. @returns the `kv_transfer_params` of the answer */
  keep(
    key: string | undefined,
    promptTokens: number,
    request: IncomingMessage,
  ): { keep: NonNullable<EngineWork["keep"]>; params(): object };
  close(): void;
}

export function createKvTransfer(options: ModelSimOptions, clock: EngineClock, failures: Failures): KvTransfer {
  const engineId = randomUUID();
  const held = createHeldKv(options.kvTransferTimeoutMs, clock);
  const stop = new AbortController();
  let failed = 0;
  let nextBlock = 0;

  /** Answers a fetch when the blocks are there and the transfer has taken its time. */
  async function servePull(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = parseJsonObject(await readBody(request, MAX_PULL_BYTES));
    const key = requireString(body, "key");
    const failure = failures.takeForTransfer();
    if (failure?.mode === "transfer-hang") return;
    if (failure?.mode === "transfer-reset") {
      resetConnection(response);
      return;
    }
    const gone = new AbortController();
    response.on("close", () => gone.abort());
    const signal = AbortSignal.any([gone.signal, stop.signal]);
    const kept = await held.find(key, body["waits"] === true ? options.kvTransferTimeoutMs : 0, signal);
    if (kept === undefined) throw new ApiError(404, `There are no KV blocks under the name ${key}.`);
    const durationMs = options.kvTransferMs + (kept.tokens * options.kvTransferUsPerToken) / 1000;
    await pause(durationMs, clock);
    // A decode server that has died in the middle leaves the blocks where they are, until their time is over.
    if (response.destroyed) return;
    held.finish(key);
    sendJson(response, 200, { tokens: kept.tokens });
  }

  return {
    held,
    get failed() {
      return failed;
    },
    routes: new Map<string, Route>([
      [PULL_PATH, { method: "POST", style: "openai", handle: servePull }],
      // Mooncake's bootstrap server: engines by data-parallel rank.
      [
        "/query",
        {
          method: "GET",
          style: "openai",
          handle: (_request, response) => sendJson(response, 200, { "0": { engine_id: engineId } }),
        },
      ],
    ]),

    legOf(body, request) {
      if (!mayTransfer(body)) return undefined;
      const { localAddress = "", localPort = 0 } = request.socket;
      const own = [localPort, options.bootstrapPort].map((port) => joinHostPort(plainAddress(localAddress), port));
      return readTransferLeg(parseJsonObject(body), options.role as ServerRole, own);
    },

    async pull({ key, source, waits }, signal) {
      try {
        if (key === undefined || source === undefined) throw new Error("the request does not say where the blocks are");
        const answer = await fetch(`${source}${PULL_PATH}`, {
          method: "POST",
          body: JSON.stringify({ key, waits }),
          signal: AbortSignal.any([signal, stop.signal, AbortSignal.timeout(options.kvTransferTimeoutMs)]),
        });
        const { tokens } = (await answer.json()) as { tokens?: unknown };
        if (!answer.ok || typeof tokens !== "number") throw new Error(`the other server answered ${answer.status}`);
        return tokens;
      } catch (error) {
        failed++;
        if (options.kvLoadFailure === "fail") {
          throw new ApiError(500, `The KV blocks of the prompt could not be fetched: ${(error as Error).message}`);
        }
        return 0;
      }
    },

    keep(given, promptTokens, request) {
      const key = given ?? `kv-${randomUUID()}`;
      let blockIds: number[] = [];
      return {
        keep(release, blocks) {
          blockIds = Array.from({ length: blocks }, () => nextBlock++ % options.numBlocks);
          held.hold(key, { tokens: promptTokens, blocks, release });
        },
        params: () => ({
          do_remote_prefill: true,
          do_remote_decode: false,
          remote_block_ids: blockIds,
          remote_engine_id: engineId,
          remote_request_id: key,
          remote_host: plainAddress(request.socket.localAddress ?? options.host),
          remote_port: request.socket.localPort,
          tp_size: 1,
        }),
      };
    },

    close() {
      stop.abort();
      held.close();
    },
  };
}

/** An IPv4 address that a dual-stack socket shows as IPv6, as IPv4. */
function plainAddress(address: string): string {
  return address.replace(/^::ffff:/, "");
}

function pause(ms: number, clock: EngineClock): Promise<void> {
  return ms <= 0 ? Promise.resolve() : new Promise((resolve) => void clock.setTimer(ms, resolve));
}
