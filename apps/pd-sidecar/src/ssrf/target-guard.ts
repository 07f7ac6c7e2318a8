import { lookup as dnsLookup } from "node:dns";
import { isIP, type LookupFunction } from "node:net";
import type { HostPort } from "@pointsman/plugin-api";
import { DENIED } from "../upstream/upstream-client.ts";
import type { AllowedHosts } from "./allowed-hosts.ts";
import { isPrivateAddress } from "./private-address.ts";

/** Says which servers routing headers may name. */
export interface TargetGuard {
  allows(target: HostPort): boolean;
  /** For connections to allowed targets; looks at what a name leads to, so that no name leads elsewhere. */
  readonly lookup?: LookupFunction;
}

export const allowAll: TargetGuard = { allows: () => true };

export function allowListed(hosts: AllowedHosts): TargetGuard {
  return { allows: ({ host }) => hosts.has(host) };
}

/** Neither public nor link-local addresses; names are allowed and judged by the address that is about to be dialled. */
export const allowPrivate: TargetGuard = {
  allows: ({ host }) => isIP(host) === 0 || isPrivateAddress(host),
  lookup: (name, options, callback) => {
    dnsLookup(name, { ...options, all: true }, (error, found) => {
      if (error !== null) return callback(error, "", 0);
      const addresses = found.filter(({ address }) => isPrivateAddress(address));
      const first = addresses[0];
      if (first === undefined) {
        const denial: NodeJS.ErrnoException = new Error(`${name} leads to no private address`);
        denial.code = DENIED;
        return callback(denial, "", 0);
      }
      if (options.all === true) callback(null, addresses);
      else callback(null, first.address, first.family);
    });
  },
};
