import { readFileSync } from "node:fs";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { type CapabilityName, capabilityNames, type DataKey, type TypeManifest } from "@pointsman/plugin-api";
import { inputSchemaOf } from "../../definition.ts";
import { createTestPool } from "../../test-pool.ts";
import { combine, failed, lacking, passed, skipped, type Verdict } from "../report.ts";
import { propertiesOf } from "../sample-parameters.ts";
import { openInstance, type Subject, withInstances } from "../subject.ts";
import { describeValue, textOf } from "./check-property.ts";

const lifecycleMembers: readonly string[] = ["start", "stop", "ready", "handOver"];
/** Members of a schema that say nothing about what is valid. */
const annotations: ReadonlySet<string> = new Set(["$schema", "$id", "$comment"]);

function withManifest(subject: Subject, check: (manifest: TypeManifest) => Verdict): Verdict {
  return subject.manifest === undefined
    ? skipped("a definition given as a value has no manifest")
    : check(subject.manifest);
}

export function aliases(subject: Subject): Verdict {
  return withManifest(subject, (manifest) => {
    const finding = difference("alias", manifest.aliases ?? [], subject.spec.aliases ?? []);
    return finding === undefined ? passed : failed(finding);
  });
}

export function stability(subject: Subject): Verdict {
  return withManifest(subject, (manifest) => {
    const [stated, coded] = [manifest.stability ?? "beta", subject.spec.stability ?? "beta"];
    if (stated !== coded) return failed(`the manifest says "${stated}", the code "${coded}"`);
    const { deprecated } = subject.spec;
    return isDeepStrictEqual(plain(manifest.deprecated), plain(deprecated))
      ? passed
      : failed(
          `the manifest has deprecated: ${describeValue(manifest.deprecated ?? null)}, the code ${describeValue(deprecated ?? null)}`,
        );
  });
}

export function reads(subject: Subject): Verdict {
  return withManifest(subject, ({ reads: stated = {} }) => {
    const { required, optional } = subject.keys;
    const [always, sometimes] = [stated.required ?? [], stated.optional ?? []];
    const { reads: coded, readsOptional: codedOptional } = subject.spec;
    // What is read by some configs only cannot be required of every host: it may stand among the optional keys, and
    // those that were tried need not have read all of it.
    const findings =
      typeof coded === "function"
        ? [
            difference("key", [...always, ...sometimes], names(required), true),
            difference("optional key", [...always, ...sometimes], names(optional), true),
          ]
        : [
            difference("required key", always, names(required)),
            difference("optional key", sometimes, names(optional), typeof codedOptional === "function"),
          ];
    const finding = findings.find((text) => text !== undefined);
    return finding === undefined ? passed : failed(finding);
  });
}

export function writes(subject: Subject): Verdict {
  return withManifest(subject, (manifest) => {
    const finding = difference("key", manifest.writes ?? [], names(subject.keys.writes));
    return finding === undefined ? passed : failed(finding);
  });
}

/** @param open the code may have fewer than the manifest. */
function difference(
  what: string,
  stated: readonly string[],
  coded: readonly string[],
  open = false,
): string | undefined {
  const missing = coded.find((name) => !stated.includes(name));
  if (missing !== undefined) return `the code has the ${what} "${missing}", which the manifest does not list`;
  const invented = open ? undefined : stated.find((name) => !coded.includes(name));
  return invented === undefined
    ? undefined
    : `the manifest lists the ${what} "${invented}", which the code does not have`;
}

function names(keys: readonly DataKey[]): string[] {
  return [...new Set(keys.map(({ key }) => key))];
}

function plain(value: unknown): unknown {
  return value === undefined ? undefined : JSON.parse(JSON.stringify(value));
}

export async function capabilities(subject: Subject): Promise<Verdict> {
  const declared = subject.manifest?.capabilities;
  const seen = new Set<string>();
  const verdicts = await withInstances(
    subject,
    () => true,
    (_config, instance): Verdict => {
      const { pool: _pool, services: _services, shutDown: _shutDown, ...members } = instance;
      for (const [member, value] of Object.entries(members)) {
        if (value === undefined || lifecycleMembers.includes(member)) continue;
        if (!capabilityNames.includes(member as CapabilityName))
          return failed(`setup returned "${member}", which is no capability`);
        if (declared?.includes(member as CapabilityName) === false) {
          return failed(`setup returned "${member}", which the manifest does not declare`);
        }
        seen.add(member);
      }
      return passed;
    },
  );
  const verdict = combine(verdicts, "setup does not succeed with any config that could be found");
  const unseen = (declared ?? []).filter((name) => !seen.has(name));
  if (verdict.status !== "passed" || unseen.length === 0) return verdict;
  const always = Object.keys(propertiesOf(subject.inputSchema)).length === 0;
  return always || subject.configsGiven
    ? failed(`the manifest declares ${unseen.join(", ")}, which setup returned with none of the configs`)
    : { status: "passed", message: `declared, but not seen with the configs tried: ${unseen.join(", ")}` };
}

export function schemaFile(subject: Subject): Verdict {
  return withManifest(subject, ({ configSchema }) => {
    let coded: Readonly<Record<string, unknown>> | undefined;
    try {
      coded = inputSchemaOf(subject.plugin);
    } catch (error) {
      return failed(`the schema in the code cannot be written as JSON Schema: ${(error as Error).message}`);
    }
    if (coded === undefined) {
      return configSchema === undefined
        ? passed
        : failed("the manifest names a schema file, but the type takes no parameters");
    }
    if (configSchema === undefined)
      return failed("the type takes parameters, but the manifest names no `configSchema`");
    let file: unknown;
    try {
      file = JSON.parse(readFileSync(join(subject.dir ?? "", configSchema), "utf8"));
    } catch (error) {
      return failed(`${configSchema} cannot be read: ${(error as Error).message.split("\n", 1)[0]}`);
    }
    const at = firstDifference(withoutAnnotations(file), withoutAnnotations(coded), "");
    return at === undefined
      ? passed
      : failed(`${configSchema} is stale: it differs from the code at ${at === "" ? "the root" : at}`);
  });
}

function withoutAnnotations(schema: unknown): unknown {
  if (typeof schema !== "object" || schema === null) return schema;
  return Object.fromEntries(Object.entries(schema).filter(([key]) => !annotations.has(key)));
}

function firstDifference(a: unknown, b: unknown, at: string): string | undefined {
  if (isDeepStrictEqual(a, b)) return undefined;
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return at;
  for (const key of new Set([...Object.keys(a), ...Object.keys(b)])) {
    const [left, right] = [(a as Record<string, unknown>)[key], (b as Record<string, unknown>)[key]];
    if (!isDeepStrictEqual(left, right)) return firstDifference(left, right, `${at}/${key}`);
  }
  return at;
}

export async function setupWorks(subject: Subject): Promise<Verdict> {
  const verdicts: Verdict[] = [];
  for (const config of subject.configs.slice(0, 8)) {
    try {
      const instance = await openInstance(subject, config, createTestPool([{ name: "pod-0" }]));
      await instance.shutDown().catch(() => {});
      verdicts.push(passed);
    } catch (error) {
      const finding = `setup failed with ${describeValue(config)}: ${textOf(error)}`;
      verdicts.push(subject.configsGiven ? failed(finding) : lacking(`${finding}; give \`validConfigs\``));
    }
  }
  return verdicts.length > 0 ? combine(verdicts, "") : lacking("no valid config could be found: give `validConfigs`");
}
