import { type Diagnostic, type DiagnosticDetails, diagnostic } from "@pointsman/diagnostics";
import type { CapabilityName, DataKey } from "@pointsman/plugin-api";
import type { LocatedType } from "../resolve/type-catalogue.ts";

/** Asked beforehand over all endpoints, or told one way: nothing on the request path waits for the other thread. */
export const isolatableCapabilities: readonly CapabilityName[] = ["filter", "scorer", "postChoice", "afterResponse"];

/** Services that have a counterpart in the worker. */
export const isolatableServices: readonly string[] = ["core.logger", "core.metrics", "core.clock", "core.random"];

const reasons: Readonly<Partial<Record<CapabilityName, string>>> = {
  picker: "it must answer during the choice",
  profileHandler: "it must answer during the choice",
  decider: "it must answer during the choice",
  admitter: "it must answer at once",
  preCall: "what it sets must be known before the choice",
  responseHeaders: "the headers it sets cannot cross",
  responseChunk: "bodies do not cross",
  parser: "bodies do not cross",
  producer: "what it writes belongs to the request",
  scraper: "what it reads belongs to the host's loop",
  extractor: "what it reads belongs to the host's loop",
  discovery: "the pool belongs to the host",
  connector: "it belongs to the sidecar",
};

/** What a manifest says that cannot live in a worker; nothing of the package has run. */
export function checkIsolatable(
  name: string,
  { type, manifest }: LocatedType,
  details: DiagnosticDetails,
): Diagnostic[] {
  return manifest.capabilities
    .filter((capability) => !isolatableCapabilities.includes(capability))
    .map((capability) =>
      refuse(`${name}: a ${capability} cannot be isolated in a worker: ${reasons[capability] ?? "it is not known"}.`, {
        ...details,
        notes: [
          { label: "type", text: type },
          { label: "can be isolated", text: isolatableCapabilities.join(", ") },
        ],
      }),
    );
}

/** What the code of a type says that cannot cross to a worker. */
export function checkCrossing(
  name: string,
  { manifest }: LocatedType,
  services: readonly string[],
  reads: readonly DataKey[],
  writes: readonly DataKey[],
  details: DiagnosticDetails,
): Diagnostic[] {
  const problems: Diagnostic[] = [];
  for (const id of services) {
    if (isolatableServices.includes(id)) continue;
    const notes = [{ label: "can cross", text: isolatableServices.join(", ") }];
    problems.push(refuse(`${name} needs ${id}, which is not to be had in a worker.`, { ...details, notes }));
  }
  const asked = manifest.capabilities.some((capability) => capability === "filter" || capability === "scorer");
  for (const key of reads) {
    const perRequest = key.$$type === "pointsman/request-key" || key.scope === "request";
    if (perRequest) {
      const message = `${name} reads ${key.key}, which belongs to one request: a worker is asked before it is known.`;
      problems.push(refuse(message, details));
    } else if (!asked) {
      const message = `${name} reads ${key.key}: in a worker only filters and scorers are told what is known of endpoints.`;
      problems.push(refuse(message, details));
    }
  }
  for (const { key } of writes) {
    problems.push(refuse(`${name} writes ${key}: what a worker knows stays in it.`, details));
  }
  return problems;
}

/** A file named by path tells its types only by running, which would happen in the host. */
export function refuseFile(name: string, file: string, details: DiagnosticDetails): Diagnostic {
  const message = `${name}: the file ${file} has no manifest, so it cannot be isolated in a worker.`;
  return refuse(message, { ...details, hint: "Put a package.json with a manifest beside it and name the folder." });
}

function refuse(message: string, details: DiagnosticDetails): Diagnostic {
  return diagnostic("POINTSMAN_CONFIG_FEATURE_UNAVAILABLE", message, {
    hint: "Run it in the host's thread (`isolation: none`), or use a plugin that does without.",
    ...details,
  });
}
