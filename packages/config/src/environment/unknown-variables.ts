import { suggest } from "@pointsman/diagnostics";
import type { VariableReader, Variables } from "./variable-reader.ts";
import { variableNames } from "./variables.ts";

/** Words of our names: only variables with one of them can be misspellings of ours, and are compared. */
const family =
  /SCORER|FILTER|_AWARE|PREFILL|KVCACHE|KV_CACHE|^PD_|^ENABLE_|^DECODE_|PREFIX_(?:CACHE|SCORER)|_LORA|LORA_|QUEUE_THRESHOLD|^HF_TOK/i;
/** These are meant for the picker, whether or not a name is near. */
const certain = /^(?:PREFILL_|DECODE_)?(?:ENABLE_\w+_(?:SCORER|FILTER)|\w+_(?:SCORER|FILTER)_WEIGHT)$/;

/** Warns of variables that are nearly one of ours, and of switches and weights of plugins that never were. */
export function reportUnknown(variables: Variables, reader: VariableReader): void {
  for (const name of Object.keys(variables)) {
    if (variableNames.has(name) || !family.test(name)) continue;
    const plain = name.replace(/^(?:DECODE|PREFILL)_/, "");
    if (plain !== name && variableNames.has(plain)) {
      const side = name.startsWith("DECODE_")
        ? "the decode side has the plain name"
        : "one value serves both sides, under the plain name";
      reader.report("POINTSMAN_ENV_UNKNOWN", name, `${name} is not known: ${side}.`, { hint: `Set ${plain}.` });
      continue;
    }
    const near = suggest(name, variableNames).filter((candidate) => isNear(name, candidate));
    if (near.length === 0 && !certain.test(name)) continue;
    reader.report("POINTSMAN_ENV_UNKNOWN", name, `${name} is not known and has no effect.`, {
      ...(near.length > 0 ? { notes: [{ label: "did you mean", text: near.join(", ") }] } : {}),
    });
  }
}

/** Stricter than for names in a file: an environment is full of names that are nobody's mistake. */
function isNear(name: string, candidate: string): boolean {
  return Math.abs(name.length - candidate.length) <= 3 && commonLetters(name, candidate) >= 0.8 * candidate.length;
}

function commonLetters(a: string, b: string): number {
  const counts = new Map<string, number>();
  for (const letter of a.toUpperCase()) counts.set(letter, (counts.get(letter) ?? 0) + 1);
  let common = 0;
  for (const letter of b) {
    const left = counts.get(letter) ?? 0;
    if (left === 0) continue;
    counts.set(letter, left - 1);
    common += 1;
  }
  return common;
}
