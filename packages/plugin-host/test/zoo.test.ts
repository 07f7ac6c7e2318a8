import { catalogue, hasErrors } from "@pointsman/diagnostics";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { LoadOptions, PluginEntry } from "../src/index.ts";
import { createZoo, entry, said, type Zoo } from "./zoo.ts";

let zoo: Zoo;
beforeAll(() => {
  zoo = createZoo();
  for (const name of ["twin-one", "twin-two", "manifest-number"]) zoo.install(name);
});
afterAll(() => zoo.remove());

/** One broken plugin: what the configuration asks for, and the code and text that come of it. */
interface Animal {
  readonly what: string;
  readonly entries: readonly PluginEntry[];
  readonly says: readonly string[];
  readonly options?: Partial<LoadOptions>;
  /** Where it is not what the catalogue says. */
  readonly severity?: "warning";
  /** Texts of the notes below the first message. */
  readonly notes?: readonly string[];
  readonly hint?: string;
  /** Where the first problem stands, below `plugins[0]`. */
  readonly path?: readonly (string | number)[];
}

const here = { package: "./keys-plugins" };
const referring = (name: string, decider: string) => entry("referring", { name, parameters: { decider } });

const animals: readonly Animal[] = [
  {
    what: "exports something that definePlugin did not make",
    entries: [entry("bad-export")],
    says: [
      "PLUGIN_BAD_EXPORT: bad-export does not export a plugin: the default export must be what definePlugin() returns, or an array of that.",
    ],
  },
  {
    what: "exports an empty array",
    entries: [entry("empty-array")],
    says: ["PLUGIN_BAD_EXPORT: empty-array exports an empty array."],
  },
  {
    what: "exports a value of a later version",
    entries: [entry("newer-value")],
    says: [
      "PLUGIN_BAD_EXPORT: newer-value does not export a plugin: plugin values of version v2 are not known to this host.",
    ],
  },
  {
    what: "throws while it is imported",
    entries: [entry("import-throws")],
    says: ["PLUGIN_IMPORT_FAILED: import-throws cannot be imported: no licence file"],
  },
  {
    what: "has a syntax error",
    entries: [entry("syntax-error")],
    says: ["PLUGIN_IMPORT_FAILED: syntax-error cannot be imported: Unexpected end of input"],
  },
  {
    what: "gives definePlugin a type that is no name",
    entries: [entry("bad-definition")],
    says: [
      'PLUGIN_IMPORT_FAILED: bad-definition cannot be imported: definePlugin: type "Bad_Definition" must be kebab-case',
    ],
  },
  {
    what: "imports a package that is not installed",
    entries: [entry("missing-dependency")],
    says: [
      "PLUGIN_DEPENDENCY_MISSING: missing-dependency cannot be imported: Cannot find package 'a-package-that-is-nowhere' imported from <zoo>/missing-dependency/index.js",
    ],
  },
  {
    what: "imports a part of the plugin API that does not exist",
    entries: [entry("unknown-entry")],
    says: [
      "PLUGIN_DEPENDENCY_MISSING: unknown-entry cannot be imported: Cannot find package '@pointsman/plugin-api' imported from <zoo>/unknown-entry/index.js",
    ],
  },
  {
    what: "reads a key that does not exist",
    entries: [entry("misspelt-key")],
    says: [
      "PLUGIN_SETUP_FAILED: misspelt-key: what it needs, reads or writes is wrong: reads[0] is no attribute and no request key",
    ],
  },
  {
    what: "needs a service that does not exist",
    entries: [entry("misspelt-need")],
    says: ["PLUGIN_SETUP_FAILED: misspelt-need: what it needs, reads or writes is wrong: needs.log is no service"],
  },
  {
    what: "wants a newer plugin API",
    entries: [entry("api-newer")],
    says: ["PLUGIN_API_MISMATCH: api-newer 1.0.0 needs @pointsman/plugin-api ^2.0.0; this host implements 1.0.0."],
    hint: "Upgrade pointsman to a version that implements plugin API ^2.0.0, or install an older api-newer.",
  },
  {
    what: "wants an older plugin API",
    entries: [entry("api-older")],
    says: ["PLUGIN_API_MISMATCH: api-older 0.3.0 needs @pointsman/plugin-api ^0.9.0; this host implements 1.0.0."],
    hint: "Upgrade api-older to a version whose peer range admits 1.0.0.",
  },
  {
    what: "does not say which plugin API it wants",
    entries: [entry("api-range-missing")],
    severity: "warning",
    says: [
      "PLUGIN_API_RANGE_MISSING: api-range-missing does not say which versions of @pointsman/plugin-api it works with.",
    ],
  },
  {
    what: "says it in a text that is no range",
    entries: [entry("api-range-text")],
    says: [
      'PLUGIN_API_MISMATCH: api-range-text has the peer range "newest" on @pointsman/plugin-api, which is no version range.',
    ],
  },
  {
    what: "was built with another plugin API than it says",
    entries: [entry("wrong-stamp")],
    says: ["PLUGIN_STAMP_MISMATCH: wrong-stamp was built with plugin API 2.1.0; this host implements 1.0.0."],
  },
  {
    what: "has a manifest with an unknown number",
    entries: [entry("manifest-number")],
    says: ["PLUGIN_MANIFEST_UNSUPPORTED: manifest-number has a manifest of version 2; this host knows version 1."],
  },
  {
    what: "has the wrong form of manifest",
    entries: [entry("manifest-invalid")],
    says: [
      "PLUGIN_MANIFEST_INVALID: The manifest of manifest-invalid is wrong: `types.manifest-invalid.capabilities` must be a list of names.",
      "PLUGIN_MANIFEST_INVALID: The manifest of manifest-invalid is wrong: `types.manifest-invalid.aliases` must be a list of names.",
    ],
  },
  {
    what: "declares a capability that does not exist",
    entries: [entry("manifest-capability")],
    says: [
      'PLUGIN_CAPABILITY_UNKNOWN: manifest-capability declares the capability "scoring" for manifest-capability, which this host does not know.',
    ],
  },
  {
    what: "has no manifest",
    entries: [entry("no-manifest")],
    says: [
      'PLUGIN_MANIFEST_MISSING: no-manifest has no "pointsman" section in its package.json, so it provides no plugin types.',
    ],
  },
  {
    what: "has no package.json",
    entries: [entry("no-package")],
    says: ["PLUGIN_MANIFEST_MISSING: <zoo>/no-package has no package.json, so it provides no plugin types."],
  },
  {
    what: "has a package.json that cannot be read",
    entries: [entry("no-json")],
    says: [
      "PLUGIN_MANIFEST_MISSING: <zoo>/no-json has a package.json that is no JSON object, so it provides no plugin types.",
    ],
  },
  {
    what: "is installed with a broken manifest, and only its type is named",
    entries: [{ name: "it", type: "manifest-number" }],
    says: ['PLUGIN_TYPE_UNKNOWN: No installed package provides the type "manifest-number".'],
    notes: ["<zoo>", "manifest-number has a manifest of version 2; this host knows version 1."],
  },
  {
    what: "is nowhere",
    entries: [entry("queue-scorer", { package: "@acme/queue-scorer" })],
    says: ['PLUGIN_NOT_FOUND: The package "@acme/queue-scorer" is not installed.'],
    notes: ["<zoo> (the config file's folder)"],
  },
  {
    what: "is not where the path leads",
    entries: [entry("good-scorer", { package: "./god-scorer" })],
    says: ["PLUGIN_NOT_FOUND: There is nothing at <zoo>/god-scorer."],
  },
  {
    what: "is named by a URL of another machine",
    entries: [entry("good-scorer", { package: "file://elsewhere/good-scorer" })],
    says: ['PLUGIN_NOT_FOUND: "file://elsewhere/good-scorer" is no file URL of this machine.'],
  },
  {
    what: "does not provide the type",
    entries: [entry("good-scorrer", { package: "./good-scorer" })],
    says: ['PLUGIN_TYPE_UNKNOWN: good-scorer does not provide the type "good-scorrer".'],
    notes: ["good-scorer", "good-scorer"],
  },
  {
    what: "is of a type called like a member of every object",
    entries: [entry("constructor", { package: "./good-scorer" })],
    says: ['PLUGIN_TYPE_UNKNOWN: good-scorer does not provide the type "constructor".'],
    notes: ["good-scorer"],
  },
  {
    what: "is of a type that only llm-d has",
    entries: [{ name: "it", type: "predicted-latency-scorer" }],
    says: [
      'PLUGIN_TYPE_NOT_YET_AVAILABLE: "predicted-latency-scorer" is a type of llm-d-router that Pointsman does not have yet.',
    ],
  },
  {
    what: "is one of two that provide the type",
    entries: [{ name: "it", type: "twin-scorer" }],
    says: ['PLUGIN_TYPE_AMBIGUOUS: 2 packages provide "twin-scorer".'],
    notes: ["twin-one 1.0.0 (<zoo>/node_modules/twin-one)", "twin-two 1.0.0 (<zoo>/node_modules/twin-two)"],
  },
  {
    what: "lacks a type that its manifest declares",
    entries: [entry("type-missing")],
    says: [
      'PLUGIN_TYPE_MISSING: type-missing declares the type "type-missing" in its manifest, but does not export it.',
    ],
  },
  {
    what: "has a type that its manifest does not declare",
    entries: [entry("type-undeclared")],
    says: [
      'PLUGIN_TYPE_UNDECLARED: type-undeclared defines the type "hidden-scorer", which its manifest does not declare.',
    ],
  },
  ...["exports-nowhere", "exports-require-only", "main-nowhere"].map((name) => ({
    what: `has nothing to import (${name})`,
    entries: [entry(name)],
    says: [
      `PLUGIN_EXPORTS_NO_DEFAULT: ${name} has no module that can be imported: its "exports" or "main" lead nowhere.`,
    ],
  })),
  {
    what: "is CommonJS without a plugin API beside it",
    entries: [entry("commonjs")],
    says: [
      "PLUGIN_CJS_NEEDS_API: commonjs requires @pointsman/plugin-api as CommonJS, and it is not installed beside it.",
    ],
  },
  {
    what: "is alpha, and nobody consented",
    entries: [entry("alpha-scorer")],
    says: ["PLUGIN_EXPERIMENTAL: alpha-scorer has Alpha stability, and --allow-experimental-plugins is not set."],
  },
  {
    what: "is a single file that is alpha, and nobody consented",
    entries: [entry("single-alpha", { package: "./single-alpha.js" })],
    says: ["PLUGIN_EXPERIMENTAL: single-alpha has Alpha stability, and --allow-experimental-plugins is not set."],
  },
  {
    what: "is deprecated",
    entries: [entry("deprecated-scorer")],
    says: [
      "PLUGIN_DEPRECATED: deprecated-scorer of deprecated-scorer is deprecated since 1.2.0 and goes away in 2.0.0; use queue-scorer.",
    ],
  },
  {
    what: "is installed in another version than the configuration wants",
    entries: [entry("good-scorer", { version: "^2.0.0" })],
    says: ["PLUGIN_VERSION_RANGE: good-scorer is installed in version 1.4.2, the configuration asks for ^2.0.0."],
  },
  {
    what: "should live in a worker, where its capability cannot be asked",
    entries: [entry("yes-decider", { isolation: "worker" })],
    says: [
      "CONFIG_FEATURE_UNAVAILABLE: yes-decider: a decider cannot be isolated in a worker: it must answer during the choice.",
    ],
    notes: ["yes-decider", "filter, scorer, postChoice, afterResponse"],
  },
  {
    what: "has the name of another one",
    entries: [entry("good-scorer"), entry("good-scorer", { package: "./good-scorer/" })],
    says: ['CONFIG_DUPLICATE_NAME: Two plugin instances are named "good-scorer".'],
    path: ["plugins", 1],
  },
  {
    what: "gets parameters of the wrong form",
    entries: [entry("json-config", { parameters: { full: 1.5, labels: ["a", 2], ful: 3 } })],
    says: [
      "PLUGIN_CONFIG_INVALID: json-config: ful: unknown parameter",
      "PLUGIN_CONFIG_INVALID: json-config: full: must be integer",
      "PLUGIN_CONFIG_INVALID: json-config: labels.1: must be string",
    ],
    notes: ["full"],
    path: ["plugins", 0, "parameters", "ful"],
  },
  {
    what: "gets parameters although it takes none",
    entries: [entry("good-scorer", { parameters: { full: 1 } })],
    says: ["PLUGIN_CONFIG_INVALID: good-scorer: full: this type takes no parameters"],
    path: ["plugins", 0, "parameters", "full"],
  },
  {
    what: "has a JSON Schema that does not compile",
    entries: [entry("schema-broken")],
    path: ["plugins", 0, "parameters"],
    says: [
      "PLUGIN_CONFIG_SCHEMA_INVALID: The config schema of schema-broken is no valid JSON Schema: schema is invalid: data/type must be equal to one of the allowed values, data/type must be array, data/type must match a schema in anyOf",
    ],
  },
  {
    what: "has a validator that throws",
    entries: [entry("schema-throws")],
    path: ["plugins", 0, "parameters"],
    says: ["PLUGIN_CONFIG_SCHEMA_INVALID: The config schema of schema-throws threw: Error: validator is broken"],
  },
  {
    what: "has an asynchronous validator",
    entries: [entry("schema-async")],
    path: ["plugins", 0, "parameters"],
    says: [
      "PLUGIN_CONFIG_ASYNC: The config schema of schema-async validates asynchronously, which a host cannot wait for.",
    ],
  },
  {
    what: "returns nothing from setup",
    entries: [entry("setup-nothing")],
    says: ["PLUGIN_SETUP_FAILED: setup-nothing: setup returned undefined, not an object."],
  },
  {
    what: "returns a misspelt capability",
    entries: [entry("capability-misspelt")],
    says: [
      'PLUGIN_CAPABILITY_UNKNOWN: capability-misspelt: setup returned "scoror", which is no capability of this API.',
    ],
    notes: ["scorer"],
  },
  {
    what: "provides what it does not declare",
    entries: [entry("capability-undeclared")],
    says: [
      'PLUGIN_CAPABILITY_UNDECLARED: capability-undeclared provides "afterResponse", which the manifest of capability-undeclared does not declare.',
    ],
  },
  {
    what: "declares what it does not provide",
    entries: [entry("capability-absent")],
    says: [
      "PLUGIN_CAPABILITY_MISSING: capability-absent: setup returned no filter, which the manifest of capability-absent declares.",
    ],
  },
  {
    what: "provides capabilities that cannot be called",
    entries: [entry("capability-shapeless")],
    says: [
      "PLUGIN_SETUP_FAILED: capability-shapeless: setup returned a scorer that cannot be used: score() is missing.",
      'PLUGIN_SETUP_FAILED: capability-shapeless: setup returned a filter that cannot be used: `empties` must be "ineligible" or "overloaded".',
      "PLUGIN_SETUP_FAILED: capability-shapeless: setup returned a parser that cannot be used: `claims` must be a list of strings.",
      "PLUGIN_SETUP_FAILED: capability-shapeless: setup returned a preCall that cannot be used: it must be a function.",
    ],
  },
  {
    what: "needs services that this host does not offer",
    entries: [entry("unknown-service")],
    says: [
      'GRAPH_SERVICE_UNKNOWN: unknown-service needs the service "acme.weather", which this host does not offer.',
      'GRAPH_SERVICE_UNKNOWN: unknown-service needs the service "core.redis:sessions", which this host does not offer.',
    ],
  },
  {
    what: "refers to an instance that is not there",
    entries: [referring("it", "yes-decidr"), entry("yes-decider")],
    says: ['GRAPH_REFERENCE_UNKNOWN: it refers to "yes-decidr", which is not in plugins.'],
    notes: ["yes-decider"],
  },
  {
    what: "refers to an instance that cannot do this",
    entries: [referring("it", "good-scorer"), entry("good-scorer")],
    says: ['GRAPH_REFERENCE_CAPABILITY: it refers to "good-scorer" as a decider, which good-scorer is not.'],
  },
  {
    what: "is part of a circle of references",
    entries: [referring("a", "b"), referring("b", "c"), referring("c", "a")],
    says: ["GRAPH_CYCLE: Plugins need each other in a circle: a → b → c → a."],
  },
  {
    what: "is part of a circle of producers",
    entries: [entry("chicken-producer", here), entry("egg-producer", here)],
    says: [
      "GRAPH_CYCLE: Producers read each other's keys in a circle: chicken-producer → egg-producer → chicken-producer.",
    ],
  },
  {
    what: "reads an attribute that nobody writes",
    entries: [entry("heat-scorer", here)],
    says: ["GRAPH_UNWRITTEN_ATTRIBUTE: heat-scorer reads zoo/heat@1, which no configured plugin writes."],
  },
  {
    what: "reads an attribute whose default producer is not installed",
    entries: [entry("needs-absent", here)],
    says: ["GRAPH_UNWRITTEN_ATTRIBUTE: needs-absent reads zoo/absent@1, which no configured plugin writes."],
    notes: ["absent-producer (not installed)"],
  },
  {
    what: "reads an attribute that two write",
    entries: [
      entry("heat-scorer", here),
      entry("heat-scraper", { ...here, name: "one" }),
      entry("heat-scraper", { ...here, name: "two" }),
    ],
    says: ["GRAPH_TWO_WRITERS: heat-scorer reads zoo/heat@1, which several instances write."],
    notes: ["one", "two"],
  },
  {
    what: "chose a writer that does not write",
    entries: [
      entry("heat-scorer", { ...here, parameters: { from: "good-scorer" } }),
      entry("heat-scraper", here),
      entry("good-scorer"),
    ],
    says: ['GRAPH_REFERENCE_UNKNOWN: heat-scorer wants zoo/heat@1 from "good-scorer", which does not write it.'],
    notes: ["heat-scraper"],
  },
  {
    what: "means something else by an attribute",
    entries: [entry("heat-scorer", here), entry("heat-as-text", here)],
    says: [
      'GRAPH_ATTRIBUTE_KIND_CONFLICT: zoo/heat@1 is "f64 per endpoint" for heat-scorer and "string per endpoint" for heat-as-text.',
    ],
    path: ["plugins", 1],
  },
];

describe("a plugin that", () => {
  it.each(animals)("$what", async ({ entries, says, options, severity: own, notes, hint, path }) => {
    const { set, diagnostics } = await zoo.load(entries, options);
    expect(said(diagnostics, zoo)).toEqual(says.map((text) => `POINTSMAN_${text}`));
    const [first] = diagnostics;
    for (const { code, severity } of diagnostics) expect(severity).toBe(own ?? catalogue[code].severity);
    // A warning keeps nobody from starting; an error does.
    expect(set === undefined).toBe(hasErrors(diagnostics));
    await set?.stop();
    const noted = first!.notes?.map(({ text }) => text.replaceAll(zoo.dir, "<zoo>")) ?? [];
    expect(noted).toEqual(notes ?? []);
    if (hint !== undefined) expect(first!.hint).toBe(hint);
    if (first!.code !== "POINTSMAN_GRAPH_CYCLE") expect(first!.path).toEqual(path ?? ["plugins", 0]);
  });
});

describe("problems of several plugins", () => {
  it("are reported together, each with its instance and place, and the broken ones are not reported twice", async () => {
    const { set, diagnostics } = await zoo.load([
      entry("bad-export", { name: "one" }),
      entry("good-scorer"),
      entry("json-config", { parameters: { full: "x" } }),
      referring("it", "one"),
      referring("lost", "nobody"),
      entry("heat-scorer", { ...here, parameters: { from: "one" } }),
      entry("deprecated-scorer"),
    ]);
    expect(set).toBeUndefined();
    expect(diagnostics.map(({ code, origin, path }) => [code.replace("POINTSMAN_", ""), origin, path?.[1]])).toEqual([
      ["PLUGIN_BAD_EXPORT", "one", 0],
      ["PLUGIN_CONFIG_INVALID", "json-config", 2],
      ["PLUGIN_DEPRECATED", "deprecated-scorer", 6],
      ["GRAPH_REFERENCE_UNKNOWN", "lost", 4],
    ]);
  });

  it("come from all set-ups, and those that were set up are stopped again", async () => {
    const { set, diagnostics, log } = await zoo.load([
      entry("yes-decider"),
      entry("setup-throws"),
      entry("setup-nothing"),
      entry("capability-misspelt"),
    ]);
    expect(set).toBeUndefined();
    expect(said(diagnostics, zoo)).toEqual([
      "POINTSMAN_PLUGIN_SETUP_FAILED: setup-throws: setup failed: cannot reach the database",
      "POINTSMAN_PLUGIN_SETUP_FAILED: setup-nothing: setup returned undefined, not an object.",
      'POINTSMAN_PLUGIN_CAPABILITY_UNKNOWN: capability-misspelt: setup returned "scoror", which is no capability of this API.',
    ]);
    expect(log).toEqual([
      "yes-decider: set up",
      "setup-throws: released, aborted true",
      "capability-misspelt: released",
      "yes-decider: released",
    ]);
  });
});
