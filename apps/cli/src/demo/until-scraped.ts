import type { Fleet } from "./fleet.ts";

/** Waits until every endpoint was scraped once, so that the first decisions are not blind; not longer than 3 s. */
export async function untilScraped({ epp }: Pick<Fleet, "epp">): Promise<void> {
  const deadline = Date.now() + 3_000;
  while (Date.now() < deadline && epp.datastore.snapshot().updatedAt.some(Number.isNaN)) {
    await new Promise((done) => setTimeout(done, 20));
  }
}
