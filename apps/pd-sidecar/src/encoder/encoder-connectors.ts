import type { JsonBody } from "@pointsman/plugin-api";

/** What becomes of the encoders' answers. */
export interface EncoderConnector {
  readonly name: string;
  /** The request for the stages that follow. */
  merge(body: JsonBody, answers: readonly JsonBody[]): JsonBody;
}

const connectors: readonly EncoderConnector[] = [
  // Encoders write to shared storage; there is nothing to tell.
  { name: "ec-example", merge: (body) => body },
  { name: "ec-nixl", merge: mergeTransferParams },
];

export const encoderConnectorNames: readonly string[] = connectors.map(({ name }) => name);

export function encoderConnector(name: string): EncoderConnector | undefined {
  return connectors.find((connector) => connector.name === name);
}

/** `ec_transfer_params` of all answers in one object; they are keyed by the hash of an item. */
function mergeTransferParams(body: JsonBody, answers: readonly JsonBody[]): JsonBody {
  const merged: Record<string, unknown> = {};
  for (const answer of answers) {
    const params = answer.value("ec_transfer_params");
    if (typeof params === "object" && params !== null && !Array.isArray(params)) Object.assign(merged, params);
  }
  return Object.keys(merged).length === 0 ? body : body.with({ ec_transfer_params: merged });
}
