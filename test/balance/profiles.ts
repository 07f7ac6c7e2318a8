import { join } from "node:path";
import { loadPickerConfig } from "@pointsman/epp";
import { type BalanceCell, type PickerPlan, type ReplayResult, replay } from "@pointsman/simulation";

const folder = join(import.meta.dirname, "..", "..", "apps", "cli", "profiles");
const plans = new Map<string, Promise<PickerPlan>>();

export function profileFile(profile: string): string {
  return join(folder, `${profile}.yaml`);
}

/** A profile that comes with the command, to be replayed. */
export function planOf(profile: string): Promise<PickerPlan> {
  let plan = plans.get(profile);
  if (plan === undefined) {
    plan = load(profile);
    plans.set(profile, plan);
  }
  return plan;
}

async function load(profile: string): Promise<PickerPlan> {
  const location = { file: profileFile(profile), cwd: folder, pluginRoots: [], endpointsFile: "none.yaml" };
  const { picker, diagnostics } = await loadPickerConfig(location);
  if (picker === undefined) throw new Error(diagnostics.map(({ message }) => message).join("\n"));
  return picker;
}

/** Replays a cell with a profile. */
export async function measure({ trace, fleet, speed }: BalanceCell, profile: string): Promise<ReplayResult> {
  const result = await replay({ name: profile, trace, plan: await planOf(profile), fleet, speed });
  if (result.faults.length > 0) throw new Error(JSON.stringify(result.faults));
  return result;
}
