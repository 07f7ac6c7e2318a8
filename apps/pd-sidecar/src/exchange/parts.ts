import type { Connector, HostPort } from "@pointsman/plugin-api";
import type { HostLogger } from "@pointsman/telemetry";
import type { AdmissionQueue } from "../admission/admission-queue.ts";
import type { BufferBudget } from "../admission/buffer-budget.ts";
import type { KvGate } from "../admission/kv-pressure.ts";
import type { EncoderConnector } from "../encoder/encoder-connectors.ts";
import type { SidecarMetrics } from "../metrics.ts";
import type { Settings } from "../options/settings.ts";
import type { TargetGuard } from "../ssrf/target-guard.ts";
import type { UpstreamClient } from "../upstream/upstream-client.ts";

/** What all requests share. */
export interface Parts {
  readonly settings: Settings;
  readonly log: HostLogger;
  readonly metrics: SidecarMetrics;
  readonly connector: Connector;
  readonly encoderConnector: EncoderConnector | undefined;
  readonly clients: Readonly<Record<"prefiller" | "decoder" | "encoder", UpstreamClient>>;
  readonly guard: TargetGuard;
  readonly queue: AdmissionQueue;
  /** True when somebody may have to wait: then bodies are read before admission. */
  readonly limited: boolean;
  readonly gate: KvGate;
  readonly budget: BufferBudget;
}

/** What a listener stands for: one data-parallel rank. */
export interface Rank {
  /** The port it listens on. */
  readonly port: number;
  /** The model server behind it. */
  readonly decoder: HostPort;
  /** Other ranks by the name that `x-data-parallel-host-port` gives them; undefined: the header is not looked at. */
  readonly others: ((name: string) => HostPort | undefined) | undefined;
}
