/** A rule of the plugin contract as a reader sees it. */
export interface RuleText {
  /** `subject/what`; stable. */
  readonly id: string;
  /** What holds for a plugin that passes. */
  readonly title: string;
  /** What an author whose plugin fails does about it. */
  readonly mend: string;
}

const packageTexts = [
  {
    id: "package/manifest",
    title: "the manifest in package.json can be read without running code",
    mend: 'Write a member "pointsman" with "manifest": 1 and "types": one entry per type, each with "capabilities".',
  },
  {
    id: "package/peer-range",
    title: "the peer range on @pointsman/plugin-api is literal and admits this version",
    mend: 'Put a literal range such as "^1.0.0" under peerDependencies["@pointsman/plugin-api"], and nothing under dependencies.',
  },
  {
    id: "package/exports",
    title: 'exports has "." with a default condition, and "./package.json"',
    mend: 'Write "exports": { ".": { "types": …, "default": "./dist/index.js" }, "./package.json": "./package.json" }, with files that exist.',
  },
  {
    id: "package/files",
    title: "files names what is published, the module and the schemas included",
    mend: 'List in "files" the folders of the module and of the schemas: ["dist", "schema"].',
  },
  {
    id: "import/default-export",
    title: "the package can be imported and its default export is one definition or an array of them",
    mend: "Export what definePlugin() returns, or an array of that, as the default export.",
  },
  {
    id: "import/twice",
    title: "the module can be loaded twice in one process",
    mend: "Keep no state of the process (globals, registries, ports) at module level; make it in setup().",
  },
  {
    id: "import/no-handles",
    title: "importing starts nothing: no timer, socket, server, watcher or worker",
    mend: "Move what is started at module level into setup(), with onStop() to end it, or into start() and stop().",
  },
  {
    id: "import/no-env-writes",
    title: "importing does not write to process.env",
    mend: "Do not write to process.env; take the value as a parameter of the config.",
  },
  {
    id: "import/no-global-patches",
    title: "importing adds no globals and changes none",
    mend: "Keep what you define in module scope, and wrap what you want to change instead of replacing it.",
  },
  {
    id: "manifest/types",
    title: "the manifest names exactly the types that the code defines",
    mend: 'Make the names under "pointsman.types" equal to the types given to definePlugin().',
  },
] as const satisfies readonly RuleText[];

const typeTexts = [
  {
    id: "manifest/aliases",
    title: "the aliases of the manifest are those of the code",
    mend: 'Make "aliases" in the manifest and in definePlugin() the same list.',
  },
  {
    id: "manifest/stability",
    title: "stability and deprecation of the manifest are those of the code",
    mend: 'Make "stability" (without one: "beta") and "deprecated" equal in the manifest and in definePlugin().',
  },
  {
    id: "manifest/reads",
    title: "the manifest lists the keys that the code reads",
    mend: 'List in "reads" of the manifest what `reads` (required) and `readsOptional` (optional) of the code name, as id@major.',
  },
  {
    id: "manifest/writes",
    title: "the manifest lists exactly the keys that the code writes",
    mend: 'Make "writes" of the manifest the list of `writes` in the code, as id@major.',
  },
  {
    id: "manifest/capabilities",
    title: "setup returns no capability that the manifest does not declare",
    mend: 'Add the capability to "capabilities" of the manifest, or return it no more; fix the spelling if it is none.',
  },
  {
    id: "manifest/schema",
    title: "the schema file exists and is the one that the code has",
    mend: "Write the file again from the code (`pointsman docs`, or what inputSchemaOf() gives) and name it in `configSchema`.",
  },
  {
    id: "config/valid",
    title: "valid configs pass the plugin's own schema",
    mend: "Correct the schema, or the valid config if it is wrong.",
  },
  {
    id: "config/defaults",
    title: "the defaults that the schema states are themselves valid",
    mend: "Choose defaults that the schema admits when they are written out.",
  },
  {
    id: "config/invalid",
    title: "invalid configs are refused with an issue that has a path",
    mend: "State the type and limits of each option in the schema, and report an issue with the path of the option.",
  },
  {
    id: "config/unknown-keys",
    title: "unknown options are refused",
    mend: 'Use z.strictObject() or "additionalProperties": false: an option that is spelt wrong must not pass in silence.',
  },
  {
    id: "setup/works",
    title: "setup succeeds with every valid config and returns usable capabilities",
    mend: "Make setup() succeed for what the schema admits, and return capabilities with the members of the contract.",
  },
  {
    id: "call/synchronous",
    title: "calls on the request path are synchronous",
    mend: "Make the function synchronous; asynchronous work belongs in a scraper, a producer or preCall.",
  },
  {
    id: "call/no-throw",
    title: "calls answer for any request and any pool instead of throwing",
    mend: "Handle the case: abstain (NaN), keep, or answer undefined, whatever the client sent and whatever is unknown.",
  },
  {
    id: "call/no-mutation",
    title: "calls change neither the request nor the candidates nor their columns",
    mend: "Copy before you change: body, json(), columns and labels are shared with every other plugin.",
  },
  {
    id: "call/no-retained-references",
    title: "nothing that is valid during the call only is used or kept after it",
    mend: "Copy what you need (an endpoint's id, a number) during the call, and keep neither arrays nor candidates.",
  },
  {
    id: "call/determinism",
    title: "the same request, pool and seed give the same answer",
    mend: "Draw from request.random() and read request.now instead of Math.random() and Date.now().",
  },
  {
    id: "call/order-independence",
    title: "the answer for an endpoint does not depend on the order of the candidates",
    mend: "Compare by value and not by position; where a tie needs a choice, give equal candidates equal scores.",
  },
  {
    id: "filter/flags",
    title: "a filter writes only 0 and 1",
    mend: "Write keep[i] = 0 to remove a candidate and 1 (or nothing) to keep it.",
  },
  {
    id: "scorer/range",
    title: "scores are in [0, 1], or NaN to abstain",
    mend: "Scale the value into 0 to 1; write NaN where you do not know, never Infinity.",
  },
  {
    id: "scorer/nan-policy",
    title: "unknown data of one endpoint does not spoil the scores of the others",
    mend: "Leave unknown values (NaN in a column, undefined from get) out of minimum, maximum and sum, and abstain for that endpoint only.",
  },
  {
    id: "picker/ranking",
    title: "a picker names at least one candidate, each at most once, and no stranger",
    mend: "Write indexes below candidates.length into `ranked`, without repetition, and return how many you wrote.",
  },
  {
    id: "decider/answer",
    title: "a decider answers true or false",
    mend: "Return a boolean.",
  },
  {
    id: "handler/ends",
    title: "a profile handler names known profiles, each once, comes to an end and has a primary that ran",
    mend: "Return from next() only names in run.profiles that have not run, [] when done; let primary() name one that ran.",
  },
  {
    id: "admitter/answer",
    title: "an admitter answers undefined or a refusal with status 400 to 599; saturation is 0 or more",
    mend: "Return undefined to admit, or { status, code, message } with a status from 400 to 599; never throw to refuse.",
  },
  {
    id: "parser/answer",
    title: "a parser answers for any bytes and leaves them as they are",
    mend: "Return { refused: … } for what you cannot read, never throw, and do not write into the body.",
  },
  {
    id: "producer/declared-writes",
    title: "a producer writes only keys that it declares",
    mend: "List the key in `writes` of definePlugin() and of the manifest.",
  },
  {
    id: "scraper/declared-writes",
    title: "a scraper or extractor writes only declared attributes, with values of their kind",
    mend: "List the attribute in `writes` of definePlugin() and of the manifest, and write values of its kind.",
  },
  {
    id: "scraper/abort",
    title: "a scrape ends when its signal aborts, and writes nothing afterwards",
    mend: "Pass io.signal to fetch and to timers, and check it before you write.",
  },
  {
    id: "discovery/abort",
    title: "discovery ends when its signal aborts, and hands over nothing afterwards",
    mend: "Pass the signal to watchers and timers, and check it before sink.replace().",
  },
  {
    id: "hooks/twice",
    title: "hooks survive being called twice for one request",
    mend: "Remember per request (request.locals, a WeakMap by request) what was counted, and give it back only once.",
  },
  {
    id: "hooks/without-choice",
    title: "afterResponse survives a request that was never routed",
    mend: "Expect afterResponse without postChoice and responseHeaders: requests can be rejected or lost on the way.",
  },
  {
    id: "lifecycle/no-handles",
    title: "nothing is left running after stop",
    mend: "Close it in stop(), or register the closing with onStop() right where it is opened.",
  },
  {
    id: "lifecycle/stop-idempotent",
    title: "stop can be called twice, and without start",
    mend: "Make stop() do nothing when there is nothing (left) to stop.",
  },
  {
    id: "lifecycle/setup-failure",
    title: "a setup that fails half-way leaves nothing behind",
    mend: "Call onStop() right after opening something, before anything that can fail.",
  },
  {
    id: "lifecycle/host-accepts",
    title: "the production host loads, starts and stops it",
    mend: "The message is the host's own: do what it says.",
  },
  {
    id: "trace/replay",
    title: "recorded traffic is replayed twice with the same decisions and without faults",
    mend: "Look at the fault: it is a call that the guards of the host had to make good.",
  },
  {
    id: "cost/per-1000-endpoints",
    title: "time of one call with 1 000 endpoints",
    mend: "Nothing to mend: the time is measured and printed, not judged.",
  },
] as const satisfies readonly RuleText[];

/** Rules about the package as a whole. */
export const packageRules: readonly RuleText[] = packageTexts;
/** Rules about each type that a package provides. */
export const typeRules: readonly RuleText[] = typeTexts;

export type PackageRuleId = (typeof packageTexts)[number]["id"];
export type TypeRuleId = (typeof typeTexts)[number]["id"];
export type RuleId = PackageRuleId | TypeRuleId;

const byId: ReadonlyMap<string, RuleText> = new Map([...packageTexts, ...typeTexts].map((text) => [text.id, text]));

export function ruleText(id: RuleId): RuleText {
  return byId.get(id)!;
}
