import { defineFlags, type FlagValues } from "@pointsman/command-line";
import { type Diagnostic, diagnostic } from "@pointsman/diagnostics";
import {
  CAPACITY_LABEL,
  defaultEngineModel,
  type FleetSpec,
  type ServerSpec,
  uniformServers,
} from "@pointsman/simulation";

const group = "Fleet";

export const fleetFlags = defineFlags({
  endpoints: { kind: "integer", min: 1, max: 1_024, default: 8, help: "model servers", group },
  "blocks-per-endpoint": {
    kind: "integer",
    min: 0,
    max: 100_000_000,
    default: 0,
    help: "blocks of the trace that each KV cache has room for; 0 = no limit",
    group,
  },
  "engine-block-size": {
    kind: "integer",
    min: 1,
    max: 512,
    default: 16,
    help: "tokens in a block of the model servers",
    group,
  },
  "prefill-tokens-per-second": {
    kind: "integer",
    min: 1,
    max: 100_000_000,
    default: Math.round(1_000 * defaultEngineModel.prefillTokensPerMs),
    help: "prompt tokens that one server computes in a second",
    group,
  },
  "scrape-interval": { kind: "duration", default: 50, min: 1, help: "pause between two scrapes of a server", group },
  fast: {
    kind: "string",
    placeholder: "COUNTxSPEED[xBLOCKS]",
    help: `so many of the endpoints are faster and have that many times the blocks (label ${CAPACITY_LABEL})`,
    group,
  },
  slow: { kind: "string", placeholder: "FACTOR", help: "the last endpoint works at this share of its speed", group },
  join: { kind: "duration", default: 0, help: "the last endpoint joins so long after the first request", group },
});

/** The fleet that the flags describe. */
export function fleetOf(values: FlagValues<typeof fleetFlags>): {
  readonly spec?: FleetSpec;
  readonly diagnostics: readonly Diagnostic[];
} {
  const diagnostics: Diagnostic[] = [];
  let servers = uniformServers(values.endpoints, values["blocks-per-endpoint"]);
  if (values.fast !== undefined) {
    const [count, speed, blocks = 1, ...more] = values.fast.split("x").map(Number);
    if (!(count! >= 0 && count! <= values.endpoints && speed! > 0 && blocks > 0) || more.length > 0) {
      const message = `--fast: "${values.fast}" is not COUNTxSPEED[xBLOCKS], such as 4x3x2.`;
      diagnostics.push(diagnostic("POINTSMAN_CLI_FLAG_VALUE", message));
    } else servers = servers.map((server, i) => (i < count! ? faster(server, speed!, blocks) : server));
  }
  const last = servers.at(-1)!;
  if (values.slow !== undefined) {
    const factor = Number(values.slow);
    if (!(factor > 0)) diagnostics.push(diagnostic("POINTSMAN_CLI_FLAG_VALUE", "--slow needs a number above 0."));
    else servers = [...servers.slice(0, -1), { ...last, actualSpeed: last.speed * factor }];
  }
  if (values.join > 0) servers = [...servers.slice(0, -1), { ...servers.at(-1)!, joinsAtMs: values.join }];
  if (values.join > 0 && values.endpoints === 1) {
    diagnostics.push(diagnostic("POINTSMAN_CLI_FLAG_CONFLICT", "--join needs an endpoint that is there before."));
  }
  if (diagnostics.length > 0) return { diagnostics };
  return {
    spec: {
      servers,
      model: { ...defaultEngineModel, prefillTokensPerMs: values["prefill-tokens-per-second"] / 1_000 },
      engineBlockTokens: values["engine-block-size"],
      scrapeIntervalMs: values["scrape-interval"],
    },
    diagnostics,
  };
}

function faster(server: ServerSpec, speed: number, blocks: number): ServerSpec {
  return {
    ...server,
    speed,
    blocks: Math.round(server.blocks * blocks),
    labels: { ...server.labels, [CAPACITY_LABEL]: String(speed) },
  };
}
