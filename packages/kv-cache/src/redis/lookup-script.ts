/**
 * Reads the holders of consecutive blocks in one call: for each run of blocks with the same fields, how many blocks and
 * which fields, sorted (Redis has no order), up to the first block that nobody has. The answer is as short as the prompt's history is simple, and
 * the client makes one command of it instead of one per block.
 */
export const runsScript = `
local runs, last = {}, nil
for i = 1, #KEYS do
  local fields = redis.call('HKEYS', KEYS[i])
  if #fields == 0 then break end
  if #fields > 1 then table.sort(fields) end
  local text = table.concat(fields, '\\0')
  if text == last then
    runs[#runs - 1] = runs[#runs - 1] + 1
  else
    runs[#runs + 1] = 1
    runs[#runs + 1] = fields
    last = text
  end
end
return runs
`;

/** Fields of consecutive blocks that are the same. */
export interface FieldRun {
  readonly blocks: number;
  readonly fields: readonly string[];
}

/** The script's answer. @throws TypeError when it is another one. */
export function readRuns(reply: unknown): FieldRun[] {
  if (!Array.isArray(reply) || reply.length % 2 !== 0) throw new TypeError("the answer is no list of runs");
  const runs: FieldRun[] = [];
  for (let i = 0; i < reply.length; i += 2) {
    const blocks: unknown = reply[i];
    if (typeof blocks !== "number" || blocks < 1) throw new TypeError("a run has no length");
    runs.push({ blocks, fields: readFields(reply[i + 1]) });
  }
  return runs;
}

/** One answer of HKEYS. @throws TypeError when it is another one. */
export function readFields(reply: unknown): readonly string[] {
  if (!Array.isArray(reply) || !reply.every((field) => typeof field === "string")) {
    throw new TypeError("the fields of a block are no list of texts");
  }
  return reply as string[];
}

/** Runs of blocks that were read one by one, up to the first that nobody has. */
export function foldRuns(blocks: readonly (readonly string[])[]): FieldRun[] {
  const runs: { blocks: number; fields: readonly string[]; text: string }[] = [];
  for (const fields of blocks) {
    if (fields.length === 0) break;
    const sorted = fields.length > 1 ? [...fields].sort() : fields;
    const text = sorted.join("\0");
    const last = runs.at(-1);
    if (last?.text === text) last.blocks += 1;
    else runs.push({ blocks: 1, fields: sorted, text });
  }
  return runs;
}
