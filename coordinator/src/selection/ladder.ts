import type { Gate } from "@hearth/protocol";
import type { Provider } from "../fleet/provider.js";
import { HearthError } from "../platform/errors.js";
import { type GateContext, gatesAgainst } from "./gates.js";
import type { PickResult } from "./pick-result.js";

/** What a gate says about waiting. */
type Obstacle =
  /** The request is not for this provider, whatever happens. */
  | "scope"
  /** The provider could never hold this request. */
  | "size"
  /** The provider has not proved enough, or runs what the operator does not know. */
  | "trust"
  /** The provider cannot do what the request asks. */
  | "capability"
  /** The provider is out for a while, by verdict or by crash. */
  | "health"
  /** The provider is about to have room. */
  | "room";

const OBSTACLES: Readonly<Record<Gate, Obstacle>> = {
  allowlist: "scope",
  excluded: "scope",
  not_serving_model: "scope",
  private_only: "scope",
  untrusted: "health",
  trust_floor: "trust",
  runtime_unverified: "trust",
  no_encryption_key: "health",
  error_cooldown: "health",
  capacity_cooldown: "health",
  slot_crashed: "health",
  version_floor: "capability",
  template_broken: "capability",
  tools: "capability",
  vision: "capability",
  dialect: "capability",
  model_too_large: "size",
  context_exceeded: "size",
  offline: "room",
  draining: "room",
  challenge_stale: "room",
  slot_reloading: "room",
  no_headroom: "room",
  thermal_critical: "room",
  free_memory: "room",
};

/** The rungs below "nobody serves it", from what no wait can change to what a wait will. */
const RUNGS: readonly Exclude<Obstacle, "scope" | "room">[] = ["size", "trust", "capability", "health"];

/**
 * Why nobody can take a request now: the last rungs of the fail-fast ladder. Each rung asks whether anybody is left
 * once those are gone whom it stops; a request queues only when somebody is stopped by nothing but room.
 */
export function whyNobody(
  providers: Iterable<Provider>,
  context: GateContext,
): Exclude<PickResult, { type: "picked" }> {
  let left: readonly ReadonlySet<Obstacle>[] = [...providers].map((provider) => obstaclesOf(provider, context));
  left = left.filter((obstacles) => !obstacles.has("scope"));
  if (left.length === 0) return unavailable("no_provider", context);
  for (const rung of RUNGS) {
    left = left.filter((obstacles) => !obstacles.has(rung));
    if (left.length === 0) return unavailable(rung, context);
  }
  return { type: "queue" };
}

function obstaclesOf(provider: Provider, context: GateContext): ReadonlySet<Obstacle> {
  return new Set(gatesAgainst(provider, context).map((gate) => OBSTACLES[gate]));
}

function unavailable(
  rung: "no_provider" | (typeof RUNGS)[number],
  { traits }: GateContext,
): Exclude<PickResult, { type: "picked" }> {
  return { type: "unavailable", error: errorOf(rung, traits.dialect ?? traits.shape) };
}

function errorOf(rung: "no_provider" | (typeof RUNGS)[number], kind: string): HearthError {
  switch (rung) {
    case "no_provider":
      return new HearthError("no_provider", "No provider of this model is available now.", { retryAfterSeconds: 2 });
    case "size":
      return new HearthError("model_too_large", "This request is larger than any provider of this model can hold.");
    case "trust":
      return new HearthError("trust_unavailable", "No provider of this model is trusted as far as this request asks.", {
        retryAfterSeconds: 30,
      });
    case "capability":
      return new HearthError("capability_unavailable", `No provider of this model can serve ${kind} requests now.`, {
        retryAfterSeconds: 30,
      });
    case "health":
      return new HearthError("providers_cooling", "All providers of this model are recovering from failures.", {
        retryAfterSeconds: 30,
      });
  }
}
