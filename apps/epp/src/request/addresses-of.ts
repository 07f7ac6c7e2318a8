import type { Roster } from "@pointsman/datastore";

const lists = new WeakMap<Roster, readonly string[]>();

/** Addresses by row, one list per generation of the pool. */
export function addressesOf(roster: Roster): readonly string[] {
  let addresses = lists.get(roster);
  if (addresses === undefined) {
    addresses = roster.identities.map(({ address }) => address);
    lists.set(roster, addresses);
  }
  return addresses;
}
