import { type Decision, type DecisionDescription, describeDecision } from "@pointsman/scheduling";

/** One request's story. Kept as it is; rendered when somebody asks. Holds neither prompt nor headers. */
export interface DecisionRecord {
  readonly requestId: string;
  /** Milliseconds since the epoch when the request arrived. */
  readonly at: number;
  readonly api: string;
  readonly model: string;
  readonly targetModel: string;
  readonly priority: number;
  /** Time from the last request byte to the answer, in milliseconds. */
  readonly decidedInMs: number;
  readonly schedulingMs: number;
  /** Absent when the request was refused before scheduling. */
  readonly decision: Decision | undefined;
  /** Address of each row of the table the decision was made on; shared by all records of one pool generation. */
  readonly addresses: readonly string[];
  /** When each row's scraped data was written, milliseconds since the epoch; `NaN` = never. */
  readonly updatedAt: Float64Array;
  readonly refusal: { readonly status: number; readonly code: string; readonly message: string } | undefined;
  served: string | undefined;
  status: number | undefined;
  outcome: string | undefined;
}

/** A record as `/debug/decisions` and the decision log show it. Plain JSON. */
export interface DecisionReport {
  readonly requestId: string;
  readonly at: string;
  readonly api: string;
  readonly model: string;
  readonly targetModel: string;
  readonly priority: number;
  readonly decidedInMs: number;
  readonly schedulingMs: number;
  readonly decision: DecisionDescription | null;
  /** Age of the newest scraped data of each candidate at the decision, in milliseconds; null = never scraped. */
  readonly dataAgeMs: Readonly<Record<string, number | null>>;
  readonly refusal: { readonly status: number; readonly code: string; readonly message: string } | null;
  readonly served: string | null;
  readonly status: number | null;
  readonly outcome: string | null;
}

export function reportDecision(record: DecisionRecord): DecisionReport {
  const { decision, addresses, updatedAt } = record;
  const ages = addresses.map((address, row) => {
    const age = record.at - updatedAt[row]!;
    return [address, Number.isNaN(age) ? null : Math.max(0, Math.round(age))] as const;
  });
  return {
    requestId: record.requestId,
    at: new Date(record.at).toISOString(),
    api: record.api,
    model: record.model,
    targetModel: record.targetModel,
    priority: record.priority,
    decidedInMs: record.decidedInMs,
    schedulingMs: record.schedulingMs,
    decision: decision === undefined ? null : describeDecision(decision, addresses),
    dataAgeMs: Object.fromEntries(ages),
    refusal: record.refusal ?? null,
    served: record.served ?? null,
    status: record.status ?? null,
    outcome: record.outcome ?? null,
  };
}

/** About how many bytes a record holds on to, not counting what records share. */
export function sizeOfRecord({ decision, requestId, model }: DecisionRecord): number {
  const fixed = 512 + 2 * (requestId.length + model.length);
  const numbers = (decision?.profiles ?? []).reduce(
    (sum, { votes, survivorCount, removals }) =>
      sum + (votes.length + 1) * survivorCount * 8 + removals.reduce((all, { rows }) => all + rows.length * 8, 0),
    0,
  );
  const words = (decision?.notes ?? []).reduce(
    (sum, { stage, text }) => sum + 2 * (stage.length + text.length) + 64,
    0,
  );
  return fixed + numbers + words;
}
