import type { Snapshot } from "@pointsman/datastore";
import type { Outcome, Refusal, Usage } from "@pointsman/plugin-api";
import type { Decision, StepMark } from "@pointsman/scheduling";
import type { PipelineRequest } from "../request/pipeline-request.ts";

/** What a trace is told of one request, in this order. Nothing here may throw. */
export interface RequestTrace {
  /** The last byte that the decision needs is here. */
  decides(): void;
  /** Hooks and producers are done. */
  prepared(): void;
  /** Times the steps of the scheduler; undefined when nobody will look. */
  readonly mark: StepMark | undefined;
  /** What the model server must be told to continue the trace. */
  headers(): readonly (readonly [name: string, value: string])[];
  routed(request: PipelineRequest, decision: Decision, snapshot: Snapshot): void;
  routedBodyless(): void;
  refused(
    refusal: Refusal,
    request: PipelineRequest | undefined,
    decision: Decision | undefined,
    snapshot: Snapshot,
  ): void;
  /** The answer is, or will be, an error. */
  failed(code: string): void;
  answered(served: string | undefined, status: number | undefined): void;
  ended(outcome: Outcome, usage: Usage | undefined): void;
}
