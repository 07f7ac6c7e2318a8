/** Which of the two stages is scheduled first. */
export type StageOrder = "decode-first" | "prefill-first";

const names: Readonly<Record<string, StageOrder>> = {
  "": "decode-first",
  decode: "decode-first",
  decodefirst: "decode-first",
  prefill: "prefill-first",
  prefillfirst: "prefill-first",
};

/** Reads a `stageOrder`: any case, `-` and `_` do not count. Undefined for anything else. */
export function parseStageOrder(text: string): StageOrder | undefined {
  const key = text.toLowerCase().replaceAll(/[-_]/g, "");
  return Object.hasOwn(names, key) ? names[key] : undefined;
}
