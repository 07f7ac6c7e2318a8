import { reportDecision } from "@pointsman/epp";
import { forwarded } from "../harness/expectations.ts";
import { plain, REQUEST_ID } from "../harness/notation.ts";
import {
  type PluginText,
  profilesText,
  startPickerFrom,
  startProblemsFrom,
  type TestPicker,
} from "../harness/picker.ts";
import { type Pod, pod } from "../harness/test-pool.ts";

/** A configuration for disaggregated serving, as far as it differs from case to case. */
export interface PdShape {
  /** Parameters of the handler. */
  readonly parameters?: object;
  /** Type of the handler; `disagg-profile-handler` unless told otherwise. */
  readonly handler?: string;
  /** Parameters of `prefix-based-pd-decider`. */
  readonly decider?: object;
  readonly plugins?: readonly PluginText[];
  /** What says how much of a prompt is cached; `acceptance-prefix` unless told otherwise. */
  readonly prefix?: PluginText;
  readonly parsers?: readonly PluginText[];
  /** Scorers of every profile. */
  readonly scorers?: readonly PluginText[];
  /** Profiles instead of decode, prefill and encode with their role filters. */
  readonly profiles?: Readonly<Record<string, readonly PluginText[]>>;
}

const DECIDER = "prefix-based-pd-decider";
export const PREFILL_DECIDER = { deciders: { prefill: DECIDER } };
export const ALL_DECIDERS = { deciders: { prefill: DECIDER, encode: "always-disagg-multimodal-decider" } };

function textOf(shape: PdShape, pool: string): string {
  const scorers = shape.scorers ?? ["queue-scorer"];
  const stage = (role: string): PluginText[] => [
    `${role}-filter`,
    { type: "acceptance-peer", name: `peer-of-${role}` },
    ...scorers,
    "max-score-picker",
  ];
  return profilesText(
    {
      plugins: [
        { type: shape.handler ?? "disagg-profile-handler", parameters: shape.parameters ?? PREFILL_DECIDER },
        { type: DECIDER, parameters: shape.decider ?? {} },
        "always-disagg-multimodal-decider",
        shape.prefix ?? "acceptance-prefix",
        ...(shape.plugins ?? []),
      ],
      profiles: shape.profiles ?? { prefill: stage("prefill"), decode: stage("decode"), encode: stage("encode") },
      ...(shape.parsers === undefined ? {} : { parsers: shape.parsers }),
    },
    pool,
  );
}

/** A picker that is closed behind the tests of the file. */
export function startPd(shape: PdShape = {}, options: Parameters<typeof startPickerFrom>[1] = {}): Promise<TestPicker> {
  return startPickerFrom((pool) => textOf(shape, pool), options);
}

/** Why a picker would not start. */
export function pdProblems(shape: PdShape): Promise<string[]> {
  return startProblemsFrom((pool) => textOf(shape, pool));
}

/** An endpoint with a role; nothing is cached there unless told otherwise. */
export function rolePod(role: string | undefined, address: string, more: Partial<Pod> = {}): Pod {
  const labels = role === undefined ? {} : { "llm-d.ai/role": role };
  return pod(`${role ?? "plain"}-${address.replaceAll(/[^0-9a-f]/g, "-")}`, address, {
    labels,
    cachedTokens: 0,
    ...more,
  });
}

/** What one request came to. */
export interface Split {
  readonly destination: string;
  readonly prefiller: string | undefined;
  readonly encoders: string | undefined;
  /** Every header as the next hop gets it. */
  readonly headers: ReadonlyMap<string, string>;
  /** Profiles in the order in which they ran; with `!` when they found nobody. */
  readonly ran: readonly string[];
  /** `stage: text`, as `pointsman why` shows them. */
  readonly stages: readonly string[];
}

export interface PdRequest {
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

/** A completion whose prompt has so many tokens. */
export const tokens = (count: number): string =>
  JSON.stringify({ model: "m", max_tokens: 100, prompt: new Array<number>(count).fill(7) });

export async function split(picker: TestPicker, { headers = {}, body = tokens(10) }: PdRequest = {}): Promise<Split> {
  const upstream = new Map(forwarded(await picker.replay(plain(body, headers))).headers);
  return {
    destination: upstream.get("x-gateway-destination-endpoint")!,
    prefiller: upstream.get("x-prefiller-host-port"),
    encoders: upstream.get("x-encoder-hosts-ports"),
    headers: upstream,
    ...lastDecision(picker),
  };
}

/** What the record says of the newest decision. */
export function lastDecision({ epp }: TestPicker): Pick<Split, "ran" | "stages"> {
  const [newest] = epp.decisions.find(REQUEST_ID);
  const { decision } = reportDecision(newest!);
  return {
    ran: decision!.profiles.map(({ profile, picked }) => (picked.length === 0 ? `${profile}!` : profile)),
    stages: decision!.stages.map(({ stage, text }) => `${stage}: ${text}`),
  };
}
