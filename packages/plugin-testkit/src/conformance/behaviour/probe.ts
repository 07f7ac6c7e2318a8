import type { Candidates, Endpoint } from "@pointsman/plugin-api";
import type { CandidateList } from "@pointsman/scheduling";

/** Candidates that notice when they are used after the call for which they were handed in. */
export interface Probe {
  readonly candidates: Candidates;
  /** The call is over: from now on every use is noted. */
  close(): void;
  /** The first use after the call, as `candidates[0].get`. */
  late(): string | undefined;
}

/** Copies of the endpoints for the plugin alone, so that nobody else keeps them alive. */
export function createProbe(list: CandidateList): Probe {
  let closed = false;
  let late: string | undefined;
  const watch = <Target extends object>(target: Target, name: string): Target =>
    new Proxy(target, {
      get(_, property) {
        if (closed) late ??= `${name}.${String(property)}`;
        const value: unknown = Reflect.get(target, property, target);
        return typeof value === "function" && !Array.isArray(target) ? value.bind(target) : value;
      },
    });
  const endpoints = [...list].map((endpoint, i): Endpoint => watch(endpoint, `candidates[${i}]`));
  const column: Candidates["column"] = (attribute) => list.column(attribute);
  const candidates = watch(Object.assign(endpoints, { column }), "candidates") as Candidates;
  return {
    candidates,
    close() {
      closed = true;
    },
    late: () => late,
  };
}
