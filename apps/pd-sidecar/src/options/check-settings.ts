import { type Diagnostic, diagnostic } from "@pointsman/diagnostics";
import { connectorNames } from "../connectors/connector-table.ts";
import { encoderConnectorNames } from "../encoder/encoder-connectors.ts";
import { parsePoolName, type Settings } from "./settings.ts";

const HIGHEST_PORT = 65_535;
const STAGES = ["prefiller", "decoder", "encoder"];

/** Everything about the settings that no single flag can know. */
export function checkSettings(settings: Settings): Diagnostic[] {
  const mistakes: Diagnostic[] = [];
  const wrong = (flag: string, message: string): void => {
    mistakes.push(diagnostic("POINTSMAN_CLI_FLAG_VALUE", `--${flag}: ${message}`));
  };
  const ranks = settings["data-parallel-size"];
  for (const flag of ["port", "model-server-port", "p2p-connector-port"] as const) {
    if (settings[flag] + ranks - 1 > HIGHEST_PORT)
      wrong(flag, `${settings[flag]} leaves no room for ${ranks} ranks below port 65536.`);
  }
  const connector = settings["kv-connector"];
  if (settings["kv-connector-package"] === "" && !connectorNames.includes(connector)) {
    wrong(
      "kv-connector",
      `"${connector}" is none of ${connectorNames.join(", ")}, and --kv-connector-package is empty.`,
    );
  }
  if (settings["kv-connector-parameters"] !== "" && parsedJson(settings["kv-connector-parameters"]) === undefined) {
    wrong("kv-connector-parameters", "must be a JSON object.");
  }
  const encoder = settings["ec-connector"];
  if (encoder !== "" && !encoderConnectorNames.includes(encoder)) {
    wrong("ec-connector", `"${encoder}" is none of ${encoderConnectorNames.join(", ")}.`);
  }
  for (const flag of ["enable-tls", "tls-insecure-skip-verify"] as const) {
    const unknown = settings[flag].find((stage) => !STAGES.includes(stage));
    if (unknown !== undefined) wrong(flag, `"${unknown}" is none of ${STAGES.join(", ")}.`);
  }
  if (settings["enable-p2p-pull"] && connector !== "nixlv2") {
    wrong("enable-p2p-pull", `has no meaning with --kv-connector=${connector}; it belongs to nixlv2.`);
  }
  if (settings["prefill-max-retries"] > 0 && settings["prefill-retry-backoff"] <= 0) {
    wrong("prefill-retry-backoff", "must be above 0 where there are retries.");
  }
  const pool = parsePoolName(settings["inference-pool"]);
  if (typeof pool === "string") wrong("inference-pool", `${pool}.`);
  if (settings["enable-ssrf-protection"] === true && pool === undefined && settings["ssrf-allowlist-file"] === "") {
    wrong("enable-ssrf-protection", "needs --inference-pool or --ssrf-allowlist-file.");
  }
  const [high, low] = [settings["kv-high-water-percent"], settings["kv-low-water-percent"]];
  if (low > high) wrong("kv-low-water-percent", `${low} is above --kv-high-water-percent=${high}.`);
  return mistakes;
}

/** A JSON object, or undefined. */
export function parsedJson(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : undefined;
  } catch {
    return undefined;
  }
}
