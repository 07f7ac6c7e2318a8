import { DiagnosticError } from "@pointsman/diagnostics";
import { loadPickerConfig } from "@pointsman/epp";
import type { PickerPlan } from "@pointsman/simulation";
import { findProfile } from "./profiles.ts";

/** Stands in for a discovery, which a replay never runs. */
const NO_ENDPOINTS_FILE = "endpoints-of-the-replay.yaml";

/**
 * A configuration by file or by the name of a shipped profile.
 * @throws DiagnosticError when it cannot be found or used.
 */
export async function loadPlan(name: string, pluginRoots: readonly string[]): Promise<PickerPlan> {
  const { picker, diagnostics } = await loadPickerConfig({
    file: findProfile(name)?.file ?? name,
    cwd: process.cwd(),
    pluginRoots,
    endpointsFile: NO_ENDPOINTS_FILE,
  });
  if (picker === undefined) throw new DiagnosticError(diagnostics);
  return picker;
}
