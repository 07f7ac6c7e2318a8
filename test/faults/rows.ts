/** How one fault is brought about, and what the host must make of it. The test asserts it, the documentation shows it. */
export interface FaultRow {
  /** Folder below `plugins/`, and type of the plugin. */
  readonly plugin: string;
  /** What the plugin does wrong. */
  readonly fault: string;
  readonly happens: string;
  readonly shows: string;
  readonly remedy: string;

  /** How it takes part. Hooks, admitters and the like work by being listed. */
  readonly role: "scorer" | "filter" | "picker" | "scraper" | "listed";
  readonly isolation?: "worker";
  readonly parameters?: Readonly<Record<string, unknown>>;
  /** In a process of its own: stray errors and changed globals belong to the whole process. */
  readonly process?: "own";
  readonly expect: Expectation;
}

export interface Expectation {
  /** The configuration is refused with this code, and the old one goes on. */
  readonly refused?: string;
  /** Every request is answered with this status by the plugin's own word. Else all are served. */
  readonly status?: number;
  /** A series that reaches `atLeast` (default 1); `labels` is part of what stands in braces. */
  readonly metric?: { readonly name: string; readonly labels: string; readonly atLeast?: number };
  /** `extension_point` whose circuit opens. */
  readonly breaker?: string;
  /** A log line with this text that names the plugin. */
  readonly log?: RegExp;
  /** Scores that the plugin's scorer has in decisions: some are abstentions. */
  readonly abstains?: boolean;
  /** The code of a warning when the plugin is taken out of the configuration. */
  readonly warning?: string;
}

const author = "Tell the author.";
const isolate = "`isolation: worker` for filters and scorers.";

/** `plugin_errors_total` of a plugin, by extension point. */
const errors = (plugin: string, point: string, atLeast = 5) => ({
  name: "plugin_errors_total",
  labels: `extension_point="${point}",plugin_type="${plugin}"`,
  atLeast,
});
const corrected = (plugin: string) => ({
  name: "plugin_corrected_results_total",
  labels: `extension_point="Scorer",plugin_type="${plugin}"`,
  atLeast: 5,
});
const switchedOff = /keeps failing and is switched off/;
const wentWrong = /calls of a plugin went wrong/;
const workerEnded = /worker of this plugin has ended/;
const failing = "`plugin_errors_total`, `plugin_breaker_open`, a log line when it is switched off";
const restarts = (plugin: string) => ({ name: "plugin_worker_restarts_total", labels: `plugin_type="${plugin}"` });
const stray = (plugin: string) => ({ name: "plugin_stray_errors_total", labels: `plugin="${plugin}"`, atLeast: 5 });
const nobodyWaited = /that nobody waited for/;

export const rows: readonly FaultRow[] = [
  {
    plugin: "throws",
    fault: "scorer throws",
    happens: "It abstains. After five failures in a row it is not called for a while.",
    shows: failing,
    remedy: author,
    role: "scorer",
    expect: { metric: errors("throws", "Scorer"), breaker: "Scorer", log: switchedOff },
  },
  {
    plugin: "throws-async",
    fault: "scorer is an asynchronous function and rejects",
    happens: "A promise is no answer: it abstains, and the rejection is caught.",
    shows: failing,
    remedy: author,
    role: "scorer",
    expect: { metric: errors("throws-async", "Scorer"), breaker: "Scorer", log: switchedOff },
  },
  {
    plugin: "rejects-late",
    fault: "hook rejects after the answer",
    happens: "The rejection is caught and counted; the request has long been answered.",
    shows: "`plugin_errors_total`, a log line",
    remedy: author,
    role: "listed",
    expect: { metric: errors("rejects-late", "ResponseComplete"), log: wentWrong },
  },
  {
    plugin: "writes-nan",
    fault: "scorer writes `NaN` everywhere",
    happens: "That is an abstention, and allowed: it counts for nothing.",
    shows: "`pointsman why` shows no score; `pointsman check --live` names it",
    remedy: "Check that what it reads is written.",
    role: "scorer",
    expect: { abstains: true },
  },
  {
    plugin: "writes-infinity",
    fault: "scorer writes `Infinity`",
    happens: "Those endpoints count as abstained.",
    shows: "`plugin_corrected_results_total`, a log line",
    remedy: author,
    role: "scorer",
    expect: { metric: corrected("writes-infinity"), log: wentWrong, abstains: true },
  },
  {
    plugin: "writes-negative",
    fault: "scorer writes negative scores",
    happens: "Scores are clamped to [0, 1].",
    shows: "`plugin_corrected_results_total`, a log line",
    remedy: author,
    role: "scorer",
    expect: { metric: corrected("writes-negative"), log: wentWrong },
  },
  {
    plugin: "writes-too-few",
    fault: "scorer writes fewer scores than there are candidates",
    happens: "It abstained for the others: they get the mean of the given ones.",
    shows: "`pointsman why` shows who has no score",
    remedy: author,
    role: "scorer",
    expect: { abstains: true },
  },
  {
    plugin: "writes-outside",
    fault: "scorer writes outside its array",
    happens: "Nothing: there is nothing outside the array.",
    shows: "nowhere",
    remedy: "None is needed.",
    role: "scorer",
    expect: {},
  },
  {
    plugin: "keeps-array",
    fault: "scorer keeps its array and writes to it later",
    happens: "Nothing: the array is filled anew for each call, and nothing can write during another one.",
    shows: "nowhere",
    remedy: author,
    role: "scorer",
    expect: {},
  },
  {
    plugin: "mutates-request",
    fault: "scorer assigns to the request",
    happens: "A `TypeError` in the plugin; the request stays as it is, and the plugin abstains.",
    shows: failing,
    remedy: author,
    role: "scorer",
    expect: { metric: errors("mutates-request", "Scorer"), breaker: "Scorer", log: switchedOff },
  },
  {
    plugin: "mutates-endpoints",
    fault: "scorer assigns to endpoints, labels or the list of candidates",
    happens: "A `TypeError` in the plugin; everything stays as it is, and the plugin abstains.",
    shows: failing,
    remedy: author,
    role: "scorer",
    expect: { metric: errors("mutates-endpoints", "Scorer"), breaker: "Scorer", log: switchedOff },
  },
  {
    plugin: "mutates-headers",
    fault: "hook sets a header that belongs to the picker",
    happens: "A `TypeError` in the plugin; the request goes where it was sent.",
    shows: failing,
    remedy: author,
    role: "listed",
    expect: { metric: errors("mutates-headers", "PreRequest"), breaker: "PreRequest", log: switchedOff },
  },
  {
    plugin: "removes-all",
    fault: "filter removes every candidate",
    happens:
      "It is the filter's right: clients get 503 (429 for `empties: overloaded`), never an endpoint that was removed.",
    shows: "the answer names the filter; `request_error_total`, `pointsman why`",
    remedy: "Correct the filter, or take it out of the profile.",
    role: "filter",
    expect: {
      status: 503,
      metric: { name: "request_error_total", labels: 'error_code="ServiceUnavailable"', atLeast: 5 },
    },
  },
  {
    plugin: "writes-seven",
    fault: "filter writes something other than 0 and 1",
    happens: "Its `onError` decides: `pass` removes nobody, `reject` everybody.",
    shows: failing,
    remedy: `${author} \`onError\` in the configuration changes what happens meanwhile.`,
    role: "filter",
    expect: { metric: errors("writes-seven", "Filter"), breaker: "Filter", log: switchedOff },
  },
  {
    plugin: "picks-stranger",
    fault: "picker names a candidate that does not exist",
    happens: "A random one of those that the filters left is taken.",
    shows: failing,
    remedy: author,
    role: "picker",
    expect: { metric: errors("picks-stranger", "Picker"), breaker: "Picker", log: switchedOff },
  },
  {
    plugin: "picks-twice",
    fault: "picker names one candidate twice",
    happens: "A random one of those that the filters left is taken.",
    shows: failing,
    remedy: author,
    role: "picker",
    expect: { metric: errors("picks-twice", "Picker"), breaker: "Picker", log: switchedOff },
  },
  {
    plugin: "refuses-nonsense",
    fault: "admitter returns a status that is none",
    happens: "Its `onError` decides; the default admits.",
    shows: failing,
    remedy: author,
    role: "listed",
    expect: { metric: errors("refuses-nonsense", "Admission"), breaker: "Admission", log: switchedOff },
  },
  {
    plugin: "never-settles",
    fault: "`preCall` hook never settles",
    happens: "The requests wait until the decision timeout and go on; after five of them it is not called for a while.",
    shows: failing,
    remedy: `${author} \`--decision-timeout\` bounds the wait.`,
    role: "listed",
    expect: { metric: errors("never-settles", "RequestHeader"), breaker: "RequestHeader", log: switchedOff },
  },
  {
    plugin: "scraper-hangs",
    fault: "scraper neither ends nor honours its signal",
    happens: "It is not asked again for that endpoint; its data ages out, other sources go on.",
    shows: "`datalayer_poll_errors_total`, a log line",
    remedy: author,
    role: "scraper",
    expect: {
      metric: { name: "datalayer_poll_errors_total", labels: 'source_type="scraper-hangs"' },
      log: /ignores its time limit/,
    },
  },
  {
    plugin: "scraper-floods",
    fault: "scraper writes attributes that it did not declare",
    happens: "The first one fails the scrape; the next comes after a growing pause.",
    shows: "`datalayer_poll_errors_total`, a log line",
    remedy: author,
    role: "scraper",
    expect: {
      metric: { name: "datalayer_poll_errors_total", labels: 'source_type="scraper-floods"' },
      log: /scraping fails/,
    },
  },
  {
    plugin: "leaks",
    fault: "leaks memory slowly",
    happens: "Nothing at first. In the host's thread the process ends when its memory has; in a worker, the worker.",
    shows: "memory of the process; in a worker `plugin_worker_restarts_total`",
    remedy: isolate,
    role: "scorer",
    expect: {},
  },
  {
    plugin: "busy-5-ms",
    fault: "computes for 5 ms per call",
    happens: "Everybody waits 5 ms more: it is below the limit of 20 ms.",
    shows: "`plugin_duration_seconds`",
    remedy: `${author} ${isolate}`,
    role: "scorer",
    expect: {
      metric: {
        name: "plugin_duration_seconds_sum",
        labels: 'extension_point="Scorer",plugin_type="busy-5-ms"',
        atLeast: 0.025,
      },
    },
  },
  {
    plugin: "busy-50-ms",
    fault: "computes for 50 ms per call",
    happens: "Everybody waits; its votes count, but after five such calls it is not called for a while.",
    shows: failing,
    remedy: `${author} ${isolate}`,
    role: "scorer",
    expect: { metric: errors("busy-50-ms", "Scorer"), breaker: "Scorer", log: switchedOff },
  },
  {
    plugin: "busy-for-ever",
    fault: "never returns (in a worker)",
    happens:
      "It abstains. Without a sign of life for a second its worker is ended and started again after a growing pause.",
    shows: "`plugin_worker_restarts_total`, `plugin_worker_late_votes_total`, `plugin_breaker_open`, a log line",
    remedy: "Without isolation it stops the picker: isolate what you do not know.",
    role: "scorer",
    isolation: "worker",
    expect: { metric: restarts("busy-for-ever"), breaker: "Scorer", log: workerEnded },
  },
  {
    plugin: "exits",
    fault: "calls `process.exit` (in a worker)",
    happens: "It abstains; its worker is started again after a growing pause.",
    shows: "`plugin_worker_restarts_total`, `plugin_breaker_open`, a log line",
    remedy: "Without isolation it ends the picker: isolate what you do not know.",
    role: "scorer",
    isolation: "worker",
    expect: { metric: restarts("exits"), breaker: "Scorer", log: workerEnded },
  },
  {
    plugin: "fills-heap",
    fault: "exhausts the heap (in a worker)",
    happens: "It abstains; its worker, limited to 128 MiB, is started again after a growing pause.",
    shows: "`plugin_worker_restarts_total`, `plugin_breaker_open`, a log line",
    remedy: "Without isolation it ends the picker: isolate what you do not know.",
    role: "scorer",
    isolation: "worker",
    expect: { metric: restarts("fills-heap"), breaker: "Scorer", log: workerEnded },
  },
  {
    plugin: "throws-in-timer",
    fault: "throws in a timer (in a worker)",
    happens: "Its worker ends and is started again after a growing pause.",
    shows: "`plugin_worker_restarts_total`, a log line",
    remedy: author,
    role: "scorer",
    isolation: "worker",
    expect: { metric: restarts("throws-in-timer"), log: workerEnded },
  },
  {
    plugin: "picks-twice",
    fault: "cannot be isolated, but shall be",
    happens: "The configuration is refused, with the capability that cannot live in a worker.",
    shows: "`POINTSMAN_CONFIG_FEATURE_UNAVAILABLE`",
    remedy: "Run it with `isolation: none`.",
    role: "picker",
    isolation: "worker",
    expect: { refused: "POINTSMAN_CONFIG_FEATURE_UNAVAILABLE" },
  },
  {
    plugin: "throws-in-timer",
    fault: "throws in a timer",
    happens: "The process stays up. The error is told to the package that its stack leads to.",
    shows: "`plugin_stray_errors_total{plugin}`, a log line with the stack",
    remedy: author,
    role: "scorer",
    process: "own",
    expect: { metric: stray("fault-throws-in-timer"), log: nobodyWaited },
  },
  {
    plugin: "rejects-unhandled",
    fault: "leaves a rejected promise behind",
    happens: "The process stays up. The error is told to the package that its stack leads to.",
    shows: "`plugin_stray_errors_total{plugin}`, a log line with the stack",
    remedy: author,
    role: "scorer",
    process: "own",
    expect: { metric: stray("fault-rejects-unhandled"), log: nobodyWaited },
  },
  {
    plugin: "throws-nothing-known",
    fault: "rejects with something that has no stack",
    happens: "The process stays up; nobody can tell whose it is.",
    shows: '`plugin_stray_errors_total{plugin="unattributed"}`, a log line',
    remedy: "Take plugins out one by one, or isolate them: in a worker the error is its own.",
    role: "scorer",
    process: "own",
    expect: { metric: stray("unattributed"), log: nobodyWaited },
  },
  {
    plugin: "patches-globals",
    fault: "changes functions of the language",
    happens: "It is named by the place of the new function. It is not undone: everybody runs with it.",
    shows: "`plugin_patched_globals_total{plugin}`, a log line for each",
    remedy: `${author} In a worker it changes only its own.`,
    role: "scorer",
    process: "own",
    expect: {
      metric: { name: "plugin_patched_globals_total", labels: 'plugin="fault-patches-globals"', atLeast: 3 },
      log: /a global was changed/,
    },
  },
  {
    plugin: "takes-port",
    fault: "listens on a port that is taken, and lets the error go",
    happens: "The process stays up, without what the plugin wanted to serve there.",
    shows: "`plugin_stray_errors_total{plugin}`, a log line with the stack",
    remedy: author,
    role: "listed",
    parameters: { listens: "carelessly" },
    process: "own",
    expect: { metric: { ...stray("fault-takes-port"), atLeast: 1 }, log: nobodyWaited },
  },
  {
    plugin: "takes-port",
    fault: "listens on a port that is taken, and says so",
    happens: "The configuration is refused; at a reload the old one goes on.",
    shows: "`POINTSMAN_PLUGIN_START_FAILED`",
    remedy: "Free the port, or configure another one.",
    role: "listed",
    parameters: { listens: "carefully" },
    expect: { refused: "POINTSMAN_PLUGIN_START_FAILED" },
  },
  {
    plugin: "logs-megabytes",
    fault: "logs a megabyte per request",
    happens: "Texts are cut at 2 000 characters, and more than 100 lines a second are dropped.",
    shows: "`plugin_log_lines_lost_total`, the cut lines",
    remedy: author,
    role: "scorer",
    expect: {
      metric: { name: "plugin_log_lines_lost_total", labels: 'plugin_type="logs-megabytes"', atLeast: 5 },
      log: /look at this/,
    },
  },
  {
    plugin: "needs-secret",
    fault: "needs a secret that is missing",
    happens: "The configuration is refused; at a reload the old one goes on.",
    shows: "`POINTSMAN_PLUGIN_SETUP_FAILED` with what the plugin said",
    remedy: "Provide the secret.",
    role: "scorer",
    parameters: { secretFile: "/nowhere/secret" },
    expect: { refused: "POINTSMAN_PLUGIN_SETUP_FAILED" },
  },
  {
    plugin: "schema-throws",
    fault: "config schema throws",
    happens: "The configuration is refused; at a reload the old one goes on.",
    shows: "`POINTSMAN_PLUGIN_CONFIG_SCHEMA_INVALID`",
    remedy: author,
    role: "scorer",
    expect: { refused: "POINTSMAN_PLUGIN_CONFIG_SCHEMA_INVALID" },
  },
  {
    plugin: "setup-never-ends",
    fault: "set-up never ends",
    happens: "After 10 s the configuration is refused; at a reload the old one goes on.",
    shows: "`POINTSMAN_PLUGIN_SETUP_TIMEOUT`",
    remedy: "Check the services that the plugin waits for.",
    role: "scorer",
    expect: { refused: "POINTSMAN_PLUGIN_SETUP_TIMEOUT" },
  },
  {
    plugin: "stop-never-ends",
    fault: "stop never ends",
    happens: "After 5 s it is left behind; the other plugins stop, the process ends.",
    shows: "`POINTSMAN_PLUGIN_STOP_TIMEOUT`",
    remedy: author,
    role: "scorer",
    expect: { warning: "POINTSMAN_PLUGIN_STOP_TIMEOUT" },
  },
];
