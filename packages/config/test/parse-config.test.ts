import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type Diagnostic, renderDiagnostics } from "@pointsman/diagnostics";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseConfig, textSource } from "../src/index.ts";

const header = "apiVersion: llm-d.ai/v1alpha1\nkind: EndpointPickerConfig\n";
const parse = (text: string) => parseConfig(textSource(text, "/etc/pointsman", "config.yaml"));
const read = (body: string) => parse(header + body);
/** `severity CODE line:column message` without the prefix that all codes share. */
const brief = (list: readonly Diagnostic[]) =>
  list.map(
    (item) => `${item.code.replace("POINTSMAN_CONFIG_", "")} ${item.place?.line}:${item.place?.column} ${item.message}`,
  );
const fixture = (name: string) => readFileSync(join(import.meta.dirname, "fixtures", name), "utf8");

describe("llm-d's samples", () => {
  it("the file-discovery sample is read without a word", () => {
    const { config, diagnostics } = parse(fixture("llmd-file-discovery.yaml"));
    expect(brief(diagnostics)).toEqual([]);
    expect(config.plugins.map((plugin) => plugin.name)).toEqual([
      "file-disc",
      "queue-scorer",
      "kv-cache-utilization-scorer",
      "prefix-cache-scorer",
      "max-score-picker",
      "single-profile-handler",
    ]);
    expect(config.plugins[0]).toEqual({
      name: "file-disc",
      type: "file-discovery",
      parameters: { path: "/abs/endpoints.yaml", watchFile: true },
    });
    expect(config.schedulingProfiles[0]!.plugins[2]).toEqual({ pluginRef: "prefix-cache-scorer", weight: 3 });
    expect(config.dataLayer).toEqual({ injectDefaults: true, sources: [], discovery: { pluginRef: "file-disc" } });
  });

  it("the full sample fails on its queues alone; with them off it is read and its detector is kept", () => {
    const full = fixture("llmd-full.yaml");
    expect(brief(parse(full).diagnostics)).toEqual([
      "FEATURE_UNAVAILABLE 3:16 The feature gate flowControl is on, but queues are not available yet.",
    ]);
    const { config, diagnostics } = parse(full.replace('"flowControl"', '"flowControl=false"'));
    expect(diagnostics.map((item) => [item.code, item.severity])).toEqual([
      ["POINTSMAN_CONFIG_IGNORED_SECTION", "warning"],
    ]);
    expect(config.saturationDetector).toEqual({ pluginRef: "detector" });
    expect(config.plugins).toHaveLength(20);
    expect(config.flowControl).toEqual({
      maxBytes: 536_870_912,
      defaultRequestTtlMs: 20_000,
      usageLimitPolicyPluginRef: "limits",
      defaultPriorityBand: { maxRequests: 2_000, fairnessPolicyRef: "rr", orderingPolicyRef: "fifo" },
      priorityBands: [{ priority: 10, maxRequests: 1_000, fairnessPolicyRef: "rr", orderingPolicyRef: "fifo" }],
      enableEviction: false,
    });
  });
});

describe("what is written", () => {
  it("may be JSON, indented with tabs, and may use anchors and merge keys", () => {
    const json = JSON.stringify(
      { apiVersion: "llm-d.ai/v1alpha1", kind: "EndpointPickerConfig", plugins: [{ type: "a" }] },
      null,
      "\t",
    );
    expect(parse(json).config.plugins).toEqual([{ name: "a", type: "a" }]);
    const { config, diagnostics } = read(
      "plugins:\n- { type: a, parameters: &p { x: 1 } }\n- { type: b, parameters: { <<: *p, y: 2 } }\n",
    );
    expect(brief(diagnostics)).toEqual([]);
    expect(config.plugins[1]!.parameters).toEqual({ x: 1, y: 2 });
  });

  it("may be null where it could be absent", () => {
    const { config, diagnostics } = read(
      "plugins:\nschedulingProfiles: null\ndataLayer:\nflowControl:\nrequestHandler:\nparser: ~\n",
    );
    expect(brief(diagnostics)).toEqual([]);
    expect(config.plugins).toEqual([]);
    expect(config.dataLayer.injectDefaults).toBe(true);
    expect(config.flowControl).toBeUndefined();
  });

  it("carries our own options of a plugin, and a name that defaults to the type", () => {
    const { config } = read(
      'plugins:\n- { type: t, package: "@acme/t", version: "^1.2", isolation: worker, onError: pass, parameters: {} }\n- type: u\n',
    );
    expect(config.plugins).toEqual([
      {
        name: "t",
        type: "t",
        package: "@acme/t",
        version: "^1.2",
        isolation: "worker",
        onError: "pass",
        parameters: {},
      },
      { name: "u", type: "u" },
    ]);
  });

  it("is copied: parameters that share an anchor are not one object, and __proto__ is a key like any other", () => {
    const { config } = read(
      'plugins:\n- { type: a, parameters: &p { "__proto__": { x: 1 } } }\n- { type: b, parameters: *p }\n',
    );
    const [a, b] = config.plugins;
    expect(a!.parameters).not.toBe(b!.parameters);
    expect(Object.keys(b!.parameters!)).toEqual(["__proto__"]);
    expect(Object.getPrototypeOf(b!.parameters)).toBe(Object.prototype);
    expect(structuredClone(config)).toEqual(config);
  });

  it("in an old spelling is rewritten, with a warning, and keeps its place", () => {
    const { config, diagnostics, document } = parse(
      "apiVersion: inference.networking.x-k8s.io/v1alpha1\nkind: EndpointPickerConfig\nsaturationDetector: { pluginRef: d }\nparser: { pluginRef: p }\n",
    );
    expect(config).toMatchObject({
      apiVersion: "llm-d.ai/v1alpha1",
      saturationDetector: { pluginRef: "d" },
      requestHandler: { parsers: [{ pluginRef: "p" }] },
    });
    expect(brief(diagnostics)).toEqual([
      "DEPRECATED_API_VERSION 1:13 The API group of inference.networking.x-k8s.io/v1alpha1 was renamed.",
      "DEPRECATED_FIELD 3:1 saturationDetector has moved.",
      "DEPRECATED_FIELD 4:1 parser has become a list.",
    ]);
    expect(document.place(["requestHandler", "parsers", 0, "pluginRef"])).toMatchObject({ line: 4, column: 22 });
  });

  it("has places for keys and values, through aliases and merge keys, and for what is missing the nearest part", () => {
    const { document } = read("plugins:\n- &a\n  type: t\n  parameters: { x: 1 }\n- <<: *a\n  name: u\n");
    expect(document.place(["plugins", 0, "parameters"], "key")).toMatchObject({ line: 6, column: 3, length: 10 });
    expect(document.place(["plugins", 0, "parameters", "x"])).toMatchObject({ line: 6, column: 20, length: 1 });
    expect(document.place(["plugins", 1, "parameters", "x"])).toMatchObject({ line: 6, column: 20 });
    expect(document.place(["plugins", 0, "version"])).toMatchObject({ line: 5, column: 3 });
    expect(document.place(["nowhere", 3])).toMatchObject({ line: 1, column: 1 });
  });
});

describe("what is wrong", () => {
  it.each([
    ["an empty text", "", ["MISSING_FIELD 1:1 The configuration is empty."]],
    ["a list", "- a\n", ["INVALID 1:1 (the whole document) must be a mapping, not a list."]],
    [
      "no header",
      "plugins: []\n",
      ["API_VERSION 1:1 The configuration has no apiVersion.", "KIND 1:1 The configuration has no kind."],
    ],
    [
      "another header",
      "apiVersion: llm-d.ai/v1\nkind: Pod\n",
      [
        'API_VERSION 1:13 The apiVersion is "llm-d.ai/v1", which is not known.',
        'KIND 2:7 The kind is "Pod", not EndpointPickerConfig.',
      ],
    ],
    [
      "broken syntax",
      "a: [1, 2\nb: 3\n",
      ["SYNTAX 2:1 Flow sequence in block collection must be sufficiently indented and end with a ]."],
    ],
    ["two documents", `${header}---\n${header}`, ["SYNTAX 3:1 The text holds several documents."]],
    [
      "an unknown tag",
      `${header}plugins: !!python/object []\n`,
      ["SYNTAX 3:10 Unresolved tag: tag:yaml.org,2002:python/object."],
    ],
    ["an alias without anchor", `${header}plugins: *p\n`, ["SYNTAX 3:10 The alias *p has no anchor &p before it."]],
  ])("%s", (_name, text, expected) => {
    expect(brief(parse(text).diagnostics)).toEqual(expected);
  });

  it.each([
    ["a key written twice", "plugins: []\nplugins: []\n", ['DUPLICATE_KEY 4:1 The key "plugins" is written twice.']],
    ["an unknown field at the top", "plugin: []\n", ['UNKNOWN_FIELD 3:1 There is no field "plugin" at the top level.']],
    [
      "an unknown field below",
      "plugins:\n- { type: a, weight: 3 }\n",
      ['UNKNOWN_FIELD 4:14 There is no field "weight" in plugins[0].'],
    ],
    ["a plugin without a type", "plugins:\n- name: a\n", ["MISSING_FIELD 4:3 plugins[0].type is missing."]],
    ["an entry that is null", "plugins:\n- \n- type: a\n", ["INVALID 3:1 plugins[0] must be an entry, not null."]],
    ["a list that is a mapping", "plugins: { type: a }\n", ["INVALID 3:10 plugins must be a list, not a mapping."]],
    [
      "parameters that are a list",
      "plugins:\n- { type: a, parameters: [1] }\n",
      ["INVALID 4:26 plugins[0].parameters must be a mapping, not a list."],
    ],
    [
      "parameters that are not JSON",
      "plugins:\n- { type: a, parameters: { x: .nan, y: [.inf] } }\n",
      [
        "INVALID 4:31 plugins[0].parameters.x must be plain JSON, not NaN or infinity.",
        "INVALID 4:41 plugins[0].parameters.y[0] must be plain JSON, not NaN or infinity.",
      ],
    ],
    [
      "parameters that contain themselves",
      "plugins:\n- { type: a, parameters: &p { x: *p } }\n",
      [expect.stringMatching(/^TOO_LARGE 4:\d+ plugins\[0\]\.parameters\.x.* is too large, or contains itself\.$/)],
    ],
    [
      "a version that is a number",
      "plugins:\n- { type: a, version: 1.2 }\n",
      ["INVALID 4:23 plugins[0].version must be text, not a number."],
    ],
    [
      "an unknown isolation",
      "plugins:\n- { type: a, isolation: thread }\n",
      ['INVALID 4:25 plugins[0].isolation must be none or worker, not "thread".'],
    ],
    [
      "an unknown onError",
      "plugins:\n- { type: a, onError: pas }\n",
      ['INVALID 4:23 plugins[0].onError must be reject or pass or admit or refuse, not "pas".'],
    ],
    [
      "two plugins of one name",
      "plugins:\n- type: a\n- { name: a, type: b }\n",
      ['DUPLICATE_NAME 5:11 Two plugins are called "a".'],
    ],
    [
      "two profiles of one name",
      "schedulingProfiles: [{ name: a }, { name: a }]\n",
      ['DUPLICATE_NAME 3:43 Two scheduling profiles are called "a".'],
    ],
    [
      "a profile without a name",
      "schedulingProfiles:\n- plugins: []\n",
      ["MISSING_FIELD 4:3 schedulingProfiles[0].name is missing."],
    ],
    [
      "a profile entry without a reference",
      "schedulingProfiles:\n- { name: a, plugins: [{ weight: 1 }] }\n",
      ["MISSING_FIELD 4:24 schedulingProfiles[0].plugins[0].pluginRef is missing."],
    ],
    [
      "a negative weight",
      "schedulingProfiles:\n- { name: a, plugins: [{ pluginRef: b, weight: -1 }] }\n",
      ["INVALID 4:48 A weight must be 0 or more, not -1."],
    ],
    [
      "a weight that is text",
      'schedulingProfiles:\n- { name: a, plugins: [{ pluginRef: b, weight: "2" }] }\n',
      ["INVALID 4:48 schedulingProfiles[0].plugins[0].weight must be a number, not text."],
    ],
    [
      "an infinite weight",
      "schedulingProfiles:\n- { name: a, plugins: [{ pluginRef: b, weight: .inf }] }\n",
      ["INVALID 4:48 schedulingProfiles[0].plugins[0].weight must be a number, not NaN or infinity."],
    ],
    [
      "an unknown gate",
      "featureGates: [flowControll]\n",
      ['UNKNOWN_GATE 3:16 There is no feature gate "flowControll".'],
    ],
    [
      "a gate that is no boolean",
      "featureGates: [flowControl=no]\n",
      ['INVALID 3:16 The feature gate flowControl must be true or false, not "no".'],
    ],
    [
      "a gate both on and off",
      "featureGates: [haPopulateNonLeaderDatastore, haPopulateNonLeaderDatastore=F]\n",
      ["INVALID 3:46 The feature gate haPopulateNonLeaderDatastore is switched both on and off."],
    ],
    [
      "the queues switched on",
      "featureGates: [flowControl=True]\n",
      ["FEATURE_UNAVAILABLE 3:16 The feature gate flowControl is on, but queues are not available yet."],
    ],
    [
      "injectDefaults as text",
      'dataLayer: { injectDefaults: "no" }\n',
      ["INVALID 3:30 dataLayer.injectDefaults must be true or false, not text."],
    ],
    [
      "peer discovery, which does nothing",
      "dataLayer: { peerDiscovery: { pluginRef: x } }\n",
      ["IGNORED_SECTION 3:14 dataLayer.peerDiscovery has no effect."],
    ],
    [
      "quantities and durations",
      "featureGates: [flowControl=false]\nflowControl:\n  maxBytes: -1\n  maxRequests: 10Ei\n  defaultRequestTTL: 20\n  noEndpointRequestTTL: 1d\n",
      [
        'INVALID 5:13 flowControl.maxBytes: "-1" is negative; a quantity is not.',
        'INVALID 6:16 flowControl.maxRequests: "10Ei" is too large.',
        "INVALID 7:22 flowControl.defaultRequestTTL must be a duration, not a number.",
        'INVALID 8:25 flowControl.noEndpointRequestTTL: "1d" has the unknown unit "d"; units are ns, us, ms, s, m and h.',
        "IGNORED_SECTION 4:1 The section flowControl has no effect while its feature gate is off, save for its saturationDetector.",
      ],
    ],
    [
      "two bands of one priority",
      "flowControl: { priorityBands: [{ priority: 1 }, { priority: 1 }] }\n",
      [
        expect.stringMatching(/^INVALID 3:61 Two priority bands have the priority 1/),
        expect.stringMatching(/^IGNORED/),
      ],
    ],
    [
      "two spellings that differ",
      "flowControl: { saturationDetector: { pluginRef: a } }\nsaturationDetector: { pluginRef: b }\nparser: { pluginRef: c }\nrequestHandler: { parsers: [{ pluginRef: d }] }\n",
      [
        "DEPRECATED_FIELD 4:1 saturationDetector has moved.",
        "INVALID 4:34 Two different saturation detectors are named, here and as flowControl.saturationDetector.",
        "DEPRECATED_FIELD 5:1 parser has become a list.",
        "INVALID 5:9 Parsers are named twice, here and in requestHandler.parsers.",
      ],
    ],
  ])("%s", (_name, body, expected) => {
    expect(brief(read(body).diagnostics)).toEqual(expected);
  });

  it("is reported all at once, and keeps the indexes of what is right", () => {
    const { config, diagnostics } = read("plugins:\n- 7\n- type: a\n  nam: b\nschedulingProfile: []\n");
    expect(brief(diagnostics)).toEqual([
      'UNKNOWN_FIELD 7:1 There is no field "schedulingProfile" at the top level.',
      "INVALID 4:3 plugins[0] must be a mapping, not a number.",
      'UNKNOWN_FIELD 6:3 There is no field "nam" in plugins[1].',
    ]);
    expect(config.plugins[1]).toEqual({ name: "a", type: "a" });
  });

  it("suggests only fields that exist", () => {
    const notes = read("plugins: [{ tipe: a, type: b, zzzzzz: 1 }]\n").diagnostics.map((item) => item.notes?.[0]);
    expect(notes).toEqual([
      { label: "did you mean", text: "type" },
      { label: "fields here", text: "name, type, parameters, package, version, isolation, onError" },
    ]);
  });

  it("is counted, not listed, from the hundredth on", () => {
    const { diagnostics } = read(Array.from({ length: 150 }, (_, i) => `x${i}: 1\n`).join(""));
    expect(diagnostics).toHaveLength(100);
    expect(diagnostics[99]!.notes).toContainEqual({ label: "more", text: "50 further problems are not listed" });
  });

  it("reads well", () => {
    const { diagnostics } = parse(`${header}plugins:
  - type: redis-scorer
    parametres: { url: redis://user:hunter2@cache:6379, token: hunter2 }
  - type: queue-scorer
    isolation: proces
`);
    expect(
      renderDiagnostics(diagnostics, { format: "text" }),
    ).toBe(`POINTSMAN_CONFIG_UNKNOWN_FIELD  There is no field "parametres" in plugins[0].

  config.yaml:5:5
    4 |   - type: redis-scorer
  > 5 |     parametres: { url: redis://********@cache:6379, token: ******** }
      |     ^^^^^^^^^^
    6 |   - type: queue-scorer
  did you mean  parameters
  docs          ERRORS.md#pointsman_config_unknown_field

POINTSMAN_CONFIG_INVALID  plugins[1].isolation must be none or worker, not "proces".

  config.yaml:7:16
    6 |   - type: queue-scorer
  > 7 |     isolation: proces
      |                ^^^^^^
  docs          ERRORS.md#pointsman_config_invalid

2 errors`);
  });
});

describe("hostile texts", () => {
  it.each([
    ["brackets 500 000 deep", "[".repeat(500_000)],
    ["dashes 100 000 deep", "- ".repeat(100_000)],
    ["question marks 100 000 deep", "? ".repeat(100_000)],
    ["more than 1 MiB", `a: ${"x".repeat(1_048_577)}`],
    [
      "a bomb of aliases",
      [
        "a0: &a0 [x,x,x,x,x,x,x,x,x]",
        ...Array.from({ length: 9 }, (_, i) => `a${i + 1}: &a${i + 1} [${`*a${i},`.repeat(9)}]`),
      ].join("\n"),
    ],
    ["very many aliases", `a: &a x\nb: [${"*a,".repeat(10_000)}]`],
  ])("%s are too large", (_name, text) => {
    expect(parse(text).diagnostics.map((item) => item.code)).toEqual(["POINTSMAN_CONFIG_TOO_LARGE"]);
  });

  it("of any kind never make it throw, and every problem has a place in the text", () => {
    const piece = fc.constantFrom(
      "plugins",
      "schedulingProfiles",
      "dataLayer",
      "sources",
      "flowControl",
      "parameters",
      "type",
      "name",
      "pluginRef",
      "weight",
      "featureGates",
      "saturationDetector",
      "parser",
      "requestHandler",
      "maxBytes",
      "priorityBands",
      "<<",
      "__proto__",
      ": ",
      ":\n  ",
      "\n",
      "\n- ",
      "\n  - ",
      "&a ",
      "*a",
      "{",
      "}",
      "[",
      "]",
      ",",
      "'",
      '"',
      "|\n",
      "!!x ",
      "---\n",
      "%YAML 1.1\n",
      "# ",
      "1",
      ".nan",
      "~",
      "\t",
      "\u0000",
      "\ud800",
      "é",
    );
    const text = fc.oneof(
      fc.array(piece, { maxLength: 30 }).map((parts) => header + parts.join("")),
      fc.string({ unit: "binary" }),
    );
    fc.assert(
      fc.property(text, (sample) => {
        for (const item of parse(sample).diagnostics) {
          expect(item.place!.line).toBeLessThanOrEqual(sample.split("\n").length);
        }
      }),
      { numRuns: 1_000 },
    );
  });
});
