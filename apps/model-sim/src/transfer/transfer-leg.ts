import {
  type JsonObject,
  optionalBoolean,
  optionalInteger,
  optionalObject,
  optionalString,
  wrongType,
} from "../formats/json-fields.ts";

/** Which half of disaggregated serving a server does; `both` does whatever it is asked. */
export type ServerRole = "both" | "prefill" | "decode";

/** The prompt is computed here and its KV blocks kept until another server has fetched them. */
export interface PrefillLeg {
  readonly kind: "prefill";
  /** The name that both legs were given; undefined where this server makes one up and tells it in its answer. */
  readonly key: string | undefined;
}

/** The prompt's KV blocks are fetched from another server. */
export interface DecodeLeg {
  readonly kind: "decode";
  /** Undefined when the request does not say enough to find the blocks. */
  readonly key: string | undefined;
  /** `http://host:port` of the other server. */
  readonly source: string | undefined;
  readonly engineId: string | undefined;
  /** Both legs run at the same time: the blocks may not be there yet. */
  readonly waits: boolean;
}

export type TransferLeg = PrefillLeg | DecodeLeg;

const names = ["kv_transfer_params", "bootstrap_room"].map((name) => Buffer.from(`"${name}"`));

/** True for bodies that may say something about a transfer; the others need not be read again. */
export function mayTransfer(body: Buffer): boolean {
  return names.some((name) => body.includes(name));
}

/**
 * Reads what a body says about a transfer: `kv_transfer_params` as vLLM's NIXL and Mooncake connectors have them, or
 * the bootstrap fields of SGLang.
 *
 * @param own `host:port` under which this server is known, to tell the two SGLang legs apart: they have one body
 * @throws {ApiError} 400 when a field has another type
 */
export function readTransferLeg(body: JsonObject, role: ServerRole, own: readonly string[]): TransferLeg | undefined {
  const params = optionalObject(body, "kv_transfer_params");
  if (params !== undefined) {
    if (optionalBoolean(params, "do_remote_decode")) {
      return { kind: "prefill", key: optionalString(params, "transfer_id") };
    }
    return optionalBoolean(params, "do_remote_prefill") ? readDecodeLeg(params) : undefined;
  }
  const room = body["bootstrap_room"] ?? undefined;
  if (room === undefined) return undefined;
  if (typeof room !== "number") throw wrongType("bootstrap_room", "a number");
  const key = `room-${room}`;
  const host = optionalString(body, "bootstrap_host");
  const address =
    host === undefined ? undefined : joinHostPort(host, optionalInteger(body, "bootstrap_port", 1, 65_535) ?? 8998);
  if (role === "prefill" || (role === "both" && address !== undefined && own.includes(address))) {
    return { kind: "prefill", key };
  }
  return { kind: "decode", key, source: address && `http://${address}`, engineId: undefined, waits: true };
}

function readDecodeLeg(params: JsonObject): DecodeLeg {
  const engineId = optionalString(params, "remote_engine_id");
  const transferId = optionalString(params, "transfer_id");
  if (transferId !== undefined) {
    const source = optionalString(params, "remote_bootstrap_addr");
    return { kind: "decode", key: transferId, source, engineId, waits: true };
  }
  const blocks = params["remote_block_ids"] ?? [];
  // vLLM numbers its blocks, another simulator names them: both are read.
  if (!Array.isArray(blocks) || !blocks.every((id) => typeof id === "string" || typeof id === "number")) {
    throw wrongType("kv_transfer_params.remote_block_ids", "a list of numbers or texts");
  }
  const host = optionalString(params, "remote_host");
  const port = optionalInteger(params, "remote_port", 1, 65_535);
  const source = host === undefined || port === undefined ? undefined : `http://${joinHostPort(host, port)}`;
  return { kind: "decode", key: optionalString(params, "remote_request_id"), source, engineId, waits: false };
}

export function joinHostPort(host: string, port: number): string {
  return `${host.includes(":") && !host.startsWith("[") ? `[${host}]` : host}:${port}`;
}
