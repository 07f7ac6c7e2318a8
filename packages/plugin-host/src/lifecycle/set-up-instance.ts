import {
  type Diagnostic,
  type DiagnosticDetails,
  diagnostic,
  isDiagnosticError,
  suggest,
} from "@pointsman/diagnostics";
import { type Capabilities, type CapabilityName, capabilityNames } from "@pointsman/plugin-api";
import { type GuardOptions, guardCapabilities } from "../guard/guard-capabilities.ts";
import { implementedApiVersions } from "../load/api-compatibility.ts";
import { lackOf } from "./capability-shape.ts";
import type { PluginInstance } from "./plugin-instance.ts";
import { textOf } from "./plugin-set.ts";
import type { PreparedInstance } from "./prepare-instance.ts";
import { TimeLimitError, withinTime } from "./within-time.ts";

const lifecycleMembers: readonly string[] = ["start", "stop", "ready", "handOver"];

export interface SetUpOptions {
  readonly pool: string;
  readonly needs: Readonly<Record<string, unknown>>;
  /** Instances that `needs` come from. */
  readonly uses: readonly PluginInstance[];
  readonly details: DiagnosticDetails;
  readonly timeoutMs: number;
  readonly guard: GuardOptions;
  /** Work of the host's own for the stop of the instance; runs after the plugin's. */
  readonly onStop: readonly (() => void)[];
  readonly previous?: unknown;
}

export type SetUp = { readonly instance: PluginInstance } | { readonly diagnostics: readonly Diagnostic[] };

/** Runs `setup` of one instance with a time limit and checks what came back. A failure leaves nothing behind. */
export async function setUpInstance(prepared: PreparedInstance, options: SetUpOptions): Promise<SetUp> {
  const { entry, spec, located } = prepared;
  const abort = new AbortController();
  const cleanups: (() => void | Promise<void>)[] = [];
  let released = false;
  const release = async (): Promise<void> => {
    released = true;
    abort.abort(new Error(`${entry.name} stops`));
    const failures: unknown[] = [];
    for (const task of [...cleanups.splice(0).reverse(), ...options.onStop.toReversed()]) {
      try {
        await task();
      } catch (error) {
        failures.push(error);
      }
    }
    if (failures.length > 0) throw failures[0];
  };
  const started = performance.now();
  let raw: Capabilities;
  try {
    raw = await withinTime<Capabilities>(options.timeoutMs, () =>
      spec.setup({
        config: prepared.config,
        needs: options.needs,
        instance: { name: entry.name, type: located.type, pool: options.pool },
        host: { apiVersion: implementedApiVersions[0], supports: () => false },
        signal: abort.signal,
        onStop: (task: () => void | Promise<void>) => {
          if (!released) cleanups.push(task);
          // A set-up that was too late goes on by itself: what it still opens is closed at once.
          else void withinTime(options.timeoutMs, task).catch(() => {});
        },
        previous: options.previous,
      }),
    );
  } catch (cause) {
    await release().catch(() => {});
    if (isDiagnosticError(cause)) return { diagnostics: cause.diagnostics };
    return { diagnostics: [describeSetupFailure(entry.name, cause, options)] };
  }
  const problems = checkCapabilities(raw, prepared, options.details);
  if (problems.length > 0) {
    await release().catch(() => {});
    return { diagnostics: problems };
  }
  const { guarded, guards } = guardCapabilities(raw, entry, options.guard);
  const isolated = prepared.isolated?.();
  isolated?.watch(guards);
  return {
    instance: {
      entry,
      located,
      config: prepared.config,
      uses: options.uses,
      capabilities: guarded,
      guards,
      reads: [...prepared.required, ...prepared.optional],
      writes: prepared.writes,
      response: spec.response,
      setupMs: performance.now() - started,
      raw,
      ...(isolated === undefined ? {} : { isolated }),
      release,
    },
  };
}

function describeSetupFailure(name: string, cause: unknown, { details, timeoutMs }: SetUpOptions): Diagnostic {
  if (cause instanceof TimeLimitError) {
    const message = `${name}: setup has not finished after ${timeoutMs} ms.`;
    return diagnostic("POINTSMAN_PLUGIN_SETUP_TIMEOUT", message, details);
  }
  return diagnostic("POINTSMAN_PLUGIN_SETUP_FAILED", `${name}: setup failed: ${textOf(cause)}`, { ...details, cause });
}

/** Compares what `setup` returned with what the API knows and the manifest declares. */
export function checkCapabilities(
  raw: unknown,
  { entry, located }: Pick<PreparedInstance, "entry" | "located">,
  details: DiagnosticDetails,
): Diagnostic[] {
  if (typeof raw !== "object" || raw === null) {
    const message = `${entry.name}: setup returned ${raw === null ? "null" : typeof raw}, not an object.`;
    return [diagnostic("POINTSMAN_PLUGIN_SETUP_FAILED", message, details)];
  }
  const values = raw as Readonly<Record<string, unknown>>;
  // Own members for typos; capabilities wherever they are, since a class instance has them in its prototype.
  const names = new Set([...Object.keys(raw), ...capabilityNames]);
  const members = [...names].filter((name) => values[name] !== undefined);
  const problems: Diagnostic[] = [];
  for (const member of members) {
    if (lifecycleMembers.includes(member)) continue;
    if (!capabilityNames.includes(member as CapabilityName)) {
      const near = suggest(member, capabilityNames).map((text) => ({ label: "did you mean", text }));
      const message = `${entry.name}: setup returned "${member}", which is no capability of this API.`;
      problems.push(diagnostic("POINTSMAN_PLUGIN_CAPABILITY_UNKNOWN", message, { ...details, notes: near }));
    } else if (!located.derived && !located.manifest.capabilities.includes(member as CapabilityName)) {
      const message = `${entry.name} provides "${member}", which the manifest of ${located.package.name} does not declare.`;
      problems.push(diagnostic("POINTSMAN_PLUGIN_CAPABILITY_UNDECLARED", message, details));
    } else {
      const lack = lackOf(member as CapabilityName, values[member]);
      if (lack === undefined) continue;
      const message = `${entry.name}: setup returned a ${member} that cannot be used: ${lack}.`;
      problems.push(diagnostic("POINTSMAN_PLUGIN_SETUP_FAILED", message, details));
    }
  }
  // A misspelt capability is missing too; one message is enough.
  if (problems.length === 0 && !located.derived) {
    for (const promised of located.manifest.capabilities) {
      if (members.includes(promised)) continue;
      const message = `${entry.name}: setup returned no ${promised}, which the manifest of ${located.package.name} declares.`;
      problems.push(diagnostic("POINTSMAN_PLUGIN_CAPABILITY_MISSING", message, details));
    }
  }
  return problems;
}
