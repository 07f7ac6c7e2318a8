export type { Failure, InferenceFailureMode, MetricsFailureMode, TransferFailureMode } from "./failures.ts";
export { main } from "./main.ts";
export { createModelSim, type ModelSim, type ModelSimState } from "./model-sim.ts";
export type { ModelSimOptions } from "./option-table.ts";
export { ModelSimOptionError } from "./options.ts";
export type { RequestOutcome, RequestRecord } from "./request-log.ts";
