import type { Decider, Endpoint, ProfileHandler, ProfileRun, RequestView } from "@pointsman/plugin-api";
import { PeerEndpoint, PrefillProfile } from "@pointsman/plugin-api/keys";
import type { Stages } from "./disagg-options.ts";

export interface StageDeciders {
  readonly prefill?: Decider;
  readonly encode?: Decider;
}

const DONE: readonly string[] = Object.freeze([]);

/**
 * Runs the stages one after the other. Decode first: decode; then encode and prefill where their deciders say so, given
 * the decode endpoint. Prefill first: prefill always, then encode, then decode. Only decode can fail the request.
 *
 * @param warn told once when a decider has no profile to decide about.
 */
export function runStages(stages: Stages, deciders: StageDeciders, warn: (message: string) => void): ProfileHandler {
  const { order, decode, prefill, encode } = stages;
  const lists = order === "decode-first" ? nextDecodeFirst : nextPrefillFirst;
  return {
    fallback: decode,
    check(profiles) {
      for (const [stage, profile, decider] of [
        ["prefill", prefill, deciders.prefill],
        ["encode", encode, deciders.encode],
      ] as const) {
        if (decider !== undefined && !profiles.includes(profile)) {
          warn(`there is a decider for ${stage}, but no scheduling profile "${profile}": the stage never runs`);
        }
      }
      if (profiles.includes(decode)) return undefined;
      return `the decode stage needs the scheduling profile "${decode}", but there are only: ${profiles.join(", ") || "none"}`;
    },
    next: (request, run) => lists(request, run),
    primary: () => decode,
  };

  function nextDecodeFirst(request: RequestView, run: ProfileRun): readonly string[] {
    if (!run.ran(decode)) return [decode];
    const chosen = run.result(decode)?.picked[0];
    if (chosen === undefined) return DONE;
    // Prefill is the last stage: when it has run, the others have been asked about.
    if (run.ran(prefill)) {
      if (run.result(prefill) === undefined) run.note?.("prefill", "nobody can do it, decode does both");
      return DONE;
    }
    const encodeRan = run.ran(encode);
    if (!encodeRan && asks("encode", encode, deciders.encode, request, run, chosen)) return [encode];
    if (encodeRan && run.result(encode) === undefined) run.note?.("encode", "nobody can do it");
    if (!asks("prefill", prefill, deciders.prefill, request, run, chosen)) return DONE;
    request.locals.set(PeerEndpoint, chosen.id);
    request.locals.set(PrefillProfile, prefill);
    return [prefill];
  }

  function nextPrefillFirst(request: RequestView, run: ProfileRun): readonly string[] {
    if (run.ran(decode)) return DONE;
    if (!run.ran(prefill) && run.profiles.includes(prefill)) {
      run.note?.("prefill", "runs: prefill comes first");
      request.locals.set(PrefillProfile, prefill);
      return [prefill];
    }
    if (!run.ran(encode) && asks("encode", encode, deciders.encode, request, run, undefined)) return [encode];
    const peer = run.result(prefill)?.picked[0];
    if (peer !== undefined) request.locals.set(PeerEndpoint, peer.id);
    else if (run.ran(prefill)) run.note?.("prefill", "nobody can do it, decode does both");
    return [decode];
  }

  /** Whether a stage is to run, with its reason noted. */
  function asks(
    stage: "prefill" | "encode",
    profile: string,
    decider: Decider | undefined,
    request: RequestView,
    run: ProfileRun,
    endpoint: Endpoint | undefined,
  ): boolean {
    if (!run.profiles.includes(profile)) return false;
    if (decider === undefined) {
      if (stage === "prefill") run.note?.(stage, "not run: no decider is configured");
      return false;
    }
    const yes = decider.decide(request, endpoint);
    if (run.note !== undefined) {
      const reason = decider.explain?.(request, endpoint) ?? `the decider said ${yes ? "yes" : "no"}`;
      run.note(stage, `${yes ? "runs" : "not run"}: ${reason}`);
    }
    return yes;
  }
}
