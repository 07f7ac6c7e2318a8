import type { Snapshot } from "@pointsman/datastore";
import { matchesSubset } from "@pointsman/ext-proc";
import { CandidateList } from "@pointsman/scheduling";

const readyLists = new WeakMap<Snapshot, CandidateList>();

/** The endpoints that may receive requests, within the proxy's subset hint (undefined = no hint). */
export function poolCandidates(snapshot: Snapshot, subset: readonly string[] | undefined): CandidateList {
  let ready = readyLists.get(snapshot);
  if (ready === undefined) {
    ready = new CandidateList(snapshot, snapshot.readyCount === snapshot.size ? undefined : readyRows(snapshot));
    readyLists.set(snapshot, ready);
  }
  if (subset === undefined) return ready;
  const rows: number[] = [];
  ready.forEach(({ host, port }, i) => {
    if (matchesSubset(subset, host, port)) rows.push(ready.rowOf(i));
  });
  return new CandidateList(snapshot, Uint32Array.from(rows));
}

function readyRows({ ready }: Snapshot): Uint32Array {
  const rows: number[] = [];
  for (let row = 0; row < ready.length; row += 1) if (ready[row] === 1) rows.push(row);
  return Uint32Array.from(rows);
}
