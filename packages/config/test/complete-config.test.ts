import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type Diagnostic, renderDiagnostics } from "@pointsman/diagnostics";
import { describe, expect, it } from "vitest";
import {
  type CapabilitiesOf,
  completeConfig,
  defaultSource,
  emptyConfig,
  llmdTypes,
  parseConfig,
  textSource,
} from "../src/index.ts";
import { installed, withPrefix } from "./installed.ts";

const header = "apiVersion: llm-d.ai/v1alpha1\nkind: EndpointPickerConfig\n";
const fixture = (name: string) => readFileSync(join(import.meta.dirname, "fixtures", name), "utf8");

function complete(text: string, capabilitiesOf: CapabilitiesOf = installed) {
  const parsed = parseConfig(textSource(text, "/etc/pointsman", "config.yaml"));
  expect(parsed.diagnostics.filter((item) => item.severity === "error")).toEqual([]);
  return completeConfig(parsed.config, capabilitiesOf, parsed.document);
}
const completeBody = (body: string, capabilitiesOf?: CapabilitiesOf) => complete(header + body, capabilitiesOf);
const brief = (list: readonly Diagnostic[]) =>
  list.map(
    (item) => `${item.code.replace("POINTSMAN_CONFIG_", "")} ${item.place?.line}:${item.place?.column} ${item.message}`,
  );
const errors = (list: readonly Diagnostic[]) => list.filter((item) => item.severity === "error");

const parsers = ["openai-parser", "anthropic-parser", "vllmhttp-parser", "passthrough-parser"];
const scraping = [{ pluginRef: "metrics-data-source", extractors: [{ pluginRef: "core-metrics-extractor" }] }];
/** A profile that needs nothing added, so that a test sees only what it is about. */
const routing = `plugins:
- type: queue-scorer
- type: random-picker
- type: single-profile-handler
`;

describe("with nothing configured", () => {
  it("llm-d's default scheduling is made, without the prefix scorer where it is not installed", () => {
    const { config, diagnostics, added, profileHandler } = completeConfig(emptyConfig, installed);
    expect(diagnostics).toEqual([]);
    expect(config.schedulingProfiles).toEqual([
      {
        name: "default",
        plugins: [
          { pluginRef: "queue-scorer", weight: 2 },
          { pluginRef: "kv-cache-utilization-scorer", weight: 2 },
          { pluginRef: "max-score-picker" },
        ],
      },
    ]);
    expect(config.dataLayer.sources).toEqual(scraping);
    expect(config.requestHandler.parsers.map((parser) => parser.pluginRef)).toEqual(parsers);
    expect(config.saturationDetector).toEqual({ pluginRef: "utilization-detector" });
    expect(profileHandler).toBe("single-profile-handler");
    expect(added).toEqual(config.plugins.map((plugin) => plugin.name));
    expect(structuredClone(config)).toEqual(config);
  });

  it("and with it where it is", () => {
    const { config } = completeConfig(parseConfig(defaultSource("/")).config, withPrefix);
    expect(config.schedulingProfiles[0]!.plugins[2]).toEqual({ pluginRef: "prefix-cache-scorer", weight: 3 });
  });
});

describe("what is filled in", () => {
  it("no profile: one of every listed filter, scorer and picker, in listed order, weights 1", () => {
    const { config, diagnostics, added } = completeBody(
      "plugins:\n- type: queue-scorer\n- { name: f, type: decode-filter }\n- type: random-picker\n- type: inflight-load-producer\n- type: kv-cache-utilization-scorer\n",
    );
    expect(brief(diagnostics)).toEqual([]);
    expect(config.schedulingProfiles).toEqual([
      {
        name: "default",
        plugins: [
          { pluginRef: "queue-scorer", weight: 1 },
          { pluginRef: "f" },
          { pluginRef: "random-picker" },
          { pluginRef: "kv-cache-utilization-scorer", weight: 1 },
        ],
      },
    ]);
    expect(added).toEqual([
      "single-profile-handler",
      "metrics-data-source",
      "core-metrics-extractor",
      ...parsers,
      "utilization-detector",
    ]);
  });

  it("no picker in a profile: the first one listed, else max-score-picker", () => {
    const profiles =
      "- type: queue-scorer\n- type: two-profiles-handler\nschedulingProfiles:\n- { name: a, plugins: [{ pluginRef: queue-scorer }] }\n- { name: b, plugins: [{ pluginRef: queue-scorer, weight: 0.5 }] }\n";
    const listed = completeBody(
      `plugins:\n- { name: mine, type: random-picker }\n- type: max-score-picker\n${profiles}`,
    ).config;
    expect(listed.schedulingProfiles.map((profile) => profile.plugins)).toEqual([
      [{ pluginRef: "queue-scorer", weight: 1 }, { pluginRef: "mine" }],
      [{ pluginRef: "queue-scorer", weight: 0.5 }, { pluginRef: "mine" }],
    ]);
    const none = completeBody(`plugins:\n${profiles}`);
    expect(none.config.schedulingProfiles[1]!.plugins[1]).toEqual({ pluginRef: "max-score-picker" });
    expect(none.added.filter((name) => name === "max-score-picker")).toHaveLength(1);
  });

  it("a metrics source wired under another name is enough: there is no second scrape", () => {
    const { config, added } = completeBody(
      `${routing}- { name: fast, type: metrics-data-source }\n- { name: core, type: core-metrics-extractor }\ndataLayer: { sources: [{ pluginRef: fast, extractors: [{ pluginRef: core }] }] }\n`,
    );
    expect(config.dataLayer.sources).toEqual([{ pluginRef: "fast", extractors: [{ pluginRef: "core" }] }]);
    expect(added).not.toContain("metrics-data-source");
  });

  it("a metrics source listed but not wired is the one that gets wired", () => {
    const { config } = completeBody(
      `${routing}- { name: fast, type: metrics-data-source, parameters: { interval: 1s } }\n`,
    );
    expect(config.dataLayer.sources).toEqual([
      { pluginRef: "fast", extractors: [{ pluginRef: "core-metrics-extractor" }] },
    ]);
  });

  it("injectDefaults: false adds no scraping", () => {
    const { config, added } = completeBody(`${routing}dataLayer: { injectDefaults: false }\n`);
    expect(config.dataLayer.sources).toEqual([]);
    expect(added).not.toContain("metrics-data-source");
  });

  it("listed parsers replace the default ones, and a listed instance of a default type is used", () => {
    const listed = completeBody(
      `${routing}- type: openai-parser\nrequestHandler: { parsers: [{ pluginRef: openai-parser }] }\n`,
    );
    expect(listed.config.requestHandler.parsers).toEqual([{ pluginRef: "openai-parser" }]);
    const renamed = completeBody(`${routing}- { name: oai, type: openai-parser }\n`);
    expect(renamed.config.requestHandler.parsers[0]).toEqual({ pluginRef: "oai" });
    expect(renamed.diagnostics).toEqual([]);
  });

  it("an instance that is added never takes a name that is in use", () => {
    const { config, provenance } = completeBody(
      `${routing}- { name: utilization-detector, type: concurrency-detector }\nsaturationDetector:\n`,
    );
    expect(config.saturationDetector).toEqual({ pluginRef: "utilization-detector-default" });
    expect(provenance.get("utilization-detector-default")).toEqual({
      from: "default",
      why: "no saturation detector is named",
    });
    expect(provenance.get("queue-scorer")).toEqual({ from: "text", file: "config.yaml", path: ["plugins", 0] });
  });

  it("does not change the configuration that was given", () => {
    const { config } = parseConfig(textSource(header + routing, "/"));
    const before = structuredClone(config);
    completeConfig(config, installed);
    expect(config).toEqual(before);
  });
});

describe("llm-d's samples", () => {
  it("the file-discovery sample needs nothing but scraping, parsers and the detector", () => {
    const { diagnostics, added } = complete(fixture("llmd-file-discovery.yaml"));
    expect(brief(diagnostics)).toEqual([]);
    expect(added).toEqual(["metrics-data-source", "core-metrics-extractor", ...parsers, "utilization-detector"]);
  });

  it("the full sample, its queues off, is complete but for the detector's sake, whatever is not available yet", () => {
    const { config, diagnostics, added } = complete(
      fixture("llmd-full.yaml").replace('featureGates: ["flowControl"]', ""),
    );
    expect(brief(diagnostics)).toEqual([]);
    expect(added).toEqual([]);
    expect(config.saturationDetector).toEqual({ pluginRef: "detector" });
  });

  it("a profile that lists its handler and leaves out its scorer loads, and says what is odd about it", () => {
    const { config, diagnostics } = completeBody(
      "plugins:\n- type: kv-cache-utilization-scorer\n- type: single-profile-handler\nschedulingProfiles:\n- name: default\n  plugins:\n  - pluginRef: single-profile-handler\n",
    );
    expect(errors(diagnostics)).toEqual([]);
    expect(brief(diagnostics)).toEqual([
      "IGNORED_REFERENCE 9:16 single-profile-handler does nothing in the profile default: it works by being listed under plugins.",
      "RANDOM_CHOICE 7:3 The profile default has no scorer: it chooses at random among what its filters leave.",
      "UNUSED_PLUGIN 4:3 kv-cache-utilization-scorer is listed, but nothing refers to it.",
    ]);
    expect(config.schedulingProfiles[0]!.plugins).toEqual([{ pluginRef: "max-score-picker" }]);
  });
});

describe("what is wrong", () => {
  const profile = (entries: string, more = "") =>
    `plugins: [{ type: queue-scorer }, { type: random-picker }, { type: max-score-picker }, { type: openai-parser }, { type: two-profiles-handler }${more}]\nschedulingProfiles: [{ name: a, plugins: [${entries}] }]\nrequestHandler: { parsers: [{ pluginRef: openai-parser }] }\n`;
  const scored = "{ pluginRef: queue-scorer }, { pluginRef: random-picker }";

  it.each([
    [
      "a reference to nothing",
      profile(`{ pluginRef: queue-scorrer }, ${scored}`),
      ['UNKNOWN_REFERENCE 4:56 No plugin is called "queue-scorrer".'],
    ],
    [
      "a parser in a profile",
      profile(`${scored}, { pluginRef: openai-parser }`),
      ["WRONG_CAPABILITY 4:115 openai-parser is not a filter, a scorer or a picker."],
    ],
    [
      "a flow-control policy in a profile",
      profile(`${scored}, { pluginRef: fifo }`, ", { name: fifo, type: fcfs-ordering-policy }"),
      ["WRONG_CAPABILITY 4:115 fifo (fcfs-ordering-policy) is not a filter, a scorer or a picker."],
    ],
    [
      "two pickers",
      profile(`${scored}, { pluginRef: max-score-picker }`),
      ["TWO_PICKERS 4:115 The profile a has two pickers, random-picker and max-score-picker."],
    ],
    [
      "a scorer twice",
      profile(`${scored}, { pluginRef: queue-scorer }`),
      ["DUPLICATE_REFERENCE 4:115 The profile a lists queue-scorer twice."],
    ],
    [
      "two pickers listed and no profile",
      "plugins:\n- type: queue-scorer\n- type: max-score-picker\n- type: random-picker\n",
      ["TWO_PICKERS 6:3 The profile default has two pickers, max-score-picker and random-picker."],
    ],
    [
      "two profile handlers",
      profile(scored, ", { type: single-profile-handler }"),
      [
        "PROFILE_HANDLER 3:145 two-profiles-handler and single-profile-handler are both profile handlers; there can be one.",
      ],
    ],
    [
      "several profiles and no handler",
      `plugins: [{ type: queue-scorer }, { type: random-picker }]\nschedulingProfiles: [{ name: a, plugins: [${scored}] }, { name: b, plugins: [${scored}] }]\n`,
      ["PROFILE_HANDLER 4:21 There are 2 scheduling profiles, but no profile handler that says which of them run."],
    ],
    [
      "several profiles and the handler for one",
      `plugins: [{ type: queue-scorer }, { type: random-picker }, { type: single-profile-handler }]\nschedulingProfiles: [{ name: a, plugins: [${scored}] }, { name: b, plugins: [${scored}] }]\n`,
      ["SINGLE_PROFILE 3:60 single-profile-handler runs one profile, but there are 2: a, b."],
    ],
    [
      "a discovery that is none",
      `${routing}dataLayer: { discovery: { pluginRef: queue-scorer } }\n`,
      ["WRONG_CAPABILITY 7:38 queue-scorer is not a discovery."],
    ],
    [
      "a source that is none",
      `${routing}dataLayer: { injectDefaults: false, sources: [{ pluginRef: queue-scorer }] }\n`,
      ["WRONG_CAPABILITY 7:60 queue-scorer is not a data source (scraper)."],
    ],
    [
      "an extractor that is none",
      `${routing}- { type: metrics-data-source }\ndataLayer: { sources: [{ pluginRef: metrics-data-source, extractors: [{ pluginRef: queue-scorer }] }] }\n`,
      ["WRONG_CAPABILITY 8:84 queue-scorer is not an extractor."],
    ],
    [
      "a source and an extractor twice",
      `${routing}- type: metrics-data-source\n- type: core-metrics-extractor\ndataLayer: { sources: [{ pluginRef: metrics-data-source, extractors: [{ pluginRef: core-metrics-extractor }, { pluginRef: core-metrics-extractor }] }, { pluginRef: metrics-data-source }] }\n`,
      [
        "DUPLICATE_REFERENCE 9:165 metrics-data-source stands twice in the list of dataLayer.sources.",
        "DUPLICATE_REFERENCE 9:123 core-metrics-extractor stands twice in the list of metrics-data-source.",
      ],
    ],
    [
      "a parser that is none",
      `${routing}requestHandler: { parsers: [{ pluginRef: queue-scorer }] }\n`,
      ["WRONG_CAPABILITY 7:42 queue-scorer is not a parser."],
    ],
    [
      "a detector that is none, found in its own spelling",
      `${routing}flowControl: { saturationDetector: { pluginRef: queue-scorer } }\n`,
      ["WRONG_CAPABILITY 7:49 queue-scorer is not an admitter."],
    ],
  ])("%s", (_name, body, expected) => {
    expect(brief(errors(completeBody(body).diagnostics))).toEqual(expected);
  });

  it("a weight that no number can be is an error where a program made the configuration", () => {
    const config = {
      ...emptyConfig,
      plugins: [{ name: "queue-scorer", type: "queue-scorer" }],
      schedulingProfiles: [{ name: "a", plugins: [{ pluginRef: "queue-scorer", weight: Number.NaN }] }],
    };
    expect(errors(completeConfig(config, installed).diagnostics).map((item) => item.path)).toEqual([
      ["schedulingProfiles", 0, "plugins", 0, "weight"],
    ]);
  });

  it("a weight on a filter or a picker is only worth a warning, and is dropped", () => {
    const { config, diagnostics } = completeBody(
      profile("{ pluginRef: queue-scorer }, { pluginRef: random-picker, weight: 2 }"),
    );
    expect(brief(diagnostics)).toContain(
      "WEIGHT_ON_NON_SCORER 4:108 random-picker has no use for a weight: it is no scorer.",
    );
    expect(errors(diagnostics)).toEqual([]);
    expect(config.schedulingProfiles[0]!.plugins[1]).toEqual({ pluginRef: "random-picker" });
  });

  it("an unknown type is left to the host: nothing is said that may only follow from it", () => {
    const { diagnostics } = completeBody(
      "plugins: [{ type: queue-scorer }, { type: someones-handler }, { type: someones-picker }]\nschedulingProfiles: [{ name: a, plugins: [{ pluginRef: queue-scorer }, { pluginRef: someones-picker }] }, { name: b, plugins: [{ pluginRef: someones-picker }] }]\n",
    );
    expect(brief(diagnostics)).toEqual([]);
  });

  it("reads well", () => {
    const { diagnostics } = complete(`${header}plugins:
  - type: queue-scorer
  - type: random-picker
schedulingProfiles:
  - name: default
    plugins:
      - { pluginRef: queu-scorer, weight: 2 }
      - pluginRef: queue-scorer
      - pluginRef: random-picker
`);
    expect(
      renderDiagnostics(diagnostics, { format: "text" }),
    ).toBe(`POINTSMAN_CONFIG_UNKNOWN_REFERENCE  No plugin is called "queu-scorer".

  config.yaml:9:22
     8 |     plugins:
  >  9 |       - { pluginRef: queu-scorer, weight: 2 }
       |                      ^^^^^^^^^^^
    10 |       - pluginRef: queue-scorer
  did you mean  queue-scorer
  docs          ERRORS.md#pointsman_config_unknown_reference

1 error`);
  });
});

it("llm-d registers 97 types", () => {
  expect(llmdTypes.size).toBe(97);
  expect(llmdTypes.get("latency-scorer")).toBe("scorer");
});
