import type { Filter } from "@pointsman/plugin-api";

/** Label that says for which phases of a request an endpoint is set up. */
export const ROLE_LABEL = "llm-d.ai/role";

/** A filter that keeps endpoints with one of the roles and, if `acceptsUnlabelled`, those without a role label. */
export function createRoleFilter(roles: ReadonlySet<string>, acceptsUnlabelled: boolean): Filter {
  return {
    empties: "ineligible",
    onError: "reject",
    filter(_request, candidates, keep) {
      for (let i = 0; i < candidates.length; i += 1) {
        const role = candidates[i]!.labels[ROLE_LABEL];
        if (role === undefined ? !acceptsUnlabelled : !roles.has(role)) keep[i] = 0;
      }
    },
  };
}
