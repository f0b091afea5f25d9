import type { ProviderId } from "@hearth/protocol";
import type { Provider } from "../fleet/provider.js";
import { HearthError } from "../platform/errors.js";
import type { Rng } from "../platform/rng.js";
import { GATES, type Gate, gateAgainst } from "./gates.js";
import { SCORE_TABLE, type Score, score } from "./score.js";
import type { Traits } from "./traits.js";

/** A place on a provider, from the pick until the attempt is over. Disposing it more than once is harmless. */
export interface Lease extends Disposable {
  readonly provider: ProviderId;
}

export type PickResult =
  | { readonly type: "picked"; readonly provider: ProviderId; readonly lease: Lease }
  | { readonly type: "queue" }
  | { readonly type: "unavailable"; readonly error: HearthError };

export interface Picker {
  /** Chooses synchronously among the providers as they are known now. */
  pick(traits: Traits, exclude: ReadonlySet<ProviderId>): PickResult;
}

export interface PickerDeps {
  readonly providers: () => Iterable<Provider>;
  readonly rng: Rng;
  readonly rejected: (gate: Gate) => void;
  readonly decided: (provider: ProviderId, score: Score) => void;
}

/** Gates → score → choose. */
export function createPicker(deps: PickerDeps): Picker {
  return {
    pick(traits, exclude) {
      const candidates: Candidate[] = [];
      const rejections = new Set<Gate>();
      for (const provider of deps.providers()) {
        const gate = gateAgainst(provider, traits, exclude);
        if (gate === undefined) candidates.push({ provider, score: score(provider, traits) });
        else {
          rejections.add(gate);
          deps.rejected(gate);
        }
      }
      const chosen = choose(candidates, traits, deps.rng);
      if (chosen === undefined) return whyNobody(rejections);
      deps.decided(chosen.provider.id, chosen.score);
      return { type: "picked", provider: chosen.provider.id, lease: leaseOf(chosen.provider.id) };
    },
  };
}

interface Candidate {
  readonly provider: Provider;
  readonly score: Score;
}

/** Among those within a tie of the best: least queue, then least pending, then chance. */
function choose(candidates: readonly Candidate[], traits: Traits, rng: Rng): Candidate | undefined {
  if (candidates.length < 2) return candidates[0];
  const best = Math.min(...candidates.map((each) => each.score.total));
  const tied = candidates.filter((each) => each.score.total <= best + SCORE_TABLE.tieMs);
  const leastQueue = leastBy(tied, (each) => each.provider.slots.get(traits.model)?.queued ?? 0);
  const leastPending = leastBy(leastQueue, (each) => each.provider.inFlight(traits.model));
  return leastPending[Math.floor(rng.next() * leastPending.length)];
}

function leastBy(candidates: readonly Candidate[], measure: (candidate: Candidate) => number): readonly Candidate[] {
  const least = Math.min(...candidates.map(measure));
  return candidates.filter((each) => measure(each) === least);
}

function leaseOf(provider: ProviderId): Lease {
  return { provider, [Symbol.dispose]() {} };
}

/** The furthest gate anybody reached tells how close the fleet is to serving this. */
function whyNobody(rejections: ReadonlySet<Gate>): PickResult {
  const furthest = GATES.findLast((gate) => rejections.has(gate));
  switch (furthest) {
    case "no_headroom":
    case "slot_reloading":
    case "free_memory":
      return { type: "queue" };
    case "tools":
    case "vision":
    case "template_broken":
      return unavailable(
        new HearthError("capability_unavailable", `No provider of this model supports ${furthest} requests now.`, {
          retryAfterSeconds: 30,
        }),
      );
    case "model_too_large":
    case "context_exceeded":
      return unavailable(
        new HearthError("model_too_large", "This request is larger than any provider of this model can hold."),
      );
    case undefined:
    case "allowlist":
    case "excluded":
    case "not_serving_model":
    case "offline":
    case "draining":
    case "private_only":
    case "slot_crashed":
    case "thermal_critical":
      return unavailable(
        new HearthError("no_provider", "No provider of this model is available now.", { retryAfterSeconds: 2 }),
      );
  }
}

const unavailable = (error: HearthError): PickResult => ({ type: "unavailable", error });
