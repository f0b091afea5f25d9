import { contextLengthExceeded, HearthError } from "../platform/errors.js";
import type { Contender } from "./contenders.js";
import type { EvaluationContext } from "./evaluation-context.js";
import { BIT, type GateSet } from "./gate-set.js";
import type { PickResult } from "./pick-result.js";
import type { Shape, Traits } from "./traits.js";

/** Gates of providers that the request is not for. */
const SCOPE: GateSet = BIT.allowlist | BIT.excluded | BIT.not_serving_model | BIT.private_only;
/** Gates of providers that can never do what is asked. */
const ABLE: GateSet = BIT.tools | BIT.vision | BIT.structured_output | BIT.logprobs | BIT.dialect;

/** Gates that usually open by themselves before long. An open breaker is not among them. */
export const SOON: GateSet =
  BIT.offline |
  BIT.draining |
  BIT.challenge_stale |
  BIT.slot_reloading |
  BIT.no_headroom |
  BIT.thermal_critical |
  BIT.free_memory;

/** A provider that may not serve. */
type Stopped = Pick<Contender, "gates" | "promptLimit">;

type Rung = "switch" | "context" | "ability" | "fit" | "trust" | "memory" | "health";

/** The rungs below "nobody serves it", from those that waiting cannot change to those that it will. */
const RUNGS: readonly (readonly [Rung, GateSet])[] = [
  ["switch", BIT.model_disabled],
  ["context", BIT.context_exceeded],
  ["ability", ABLE],
  // Only the owner can change these.
  ["fit", BIT.version_floor | BIT.template_broken],
  ["trust", BIT.trust_floor | BIT.runtime_unverified],
  ["memory", BIT.model_too_large],
  // Unusable for a while, by a verdict or a crash. An open breaker alone never leads to a refusal.
  ["health", BIT.untrusted | BIT.no_encryption_key | BIT.capacity_cooldown | BIT.slot_crashed],
];

/**
 * Why no provider can take a request now: the last rungs of the fail-fast ladder. Each rung removes the providers that
 * it stops, and the one that leaves none refuses the request. It queues when a provider is left that only lacks a slot.
 *
 * @param rejected all who serve the model
 */
export function whyNobody(
  rejected: readonly Stopped[],
  context: EvaluationContext,
): Exclude<PickResult, { type: "picked" }> {
  const found = climb(rejected);
  switch (found.end) {
    case "nobody":
      return { type: "unavailable", error: nobodyServes(context.traits) };
    case "stopped": {
      const { rung, before } = found;
      return { type: "unavailable", error: errorOf(rung, { before, all: rejected, context }) };
    }
    case "room": {
      const lacksMemory = found.left.every(({ gates }) => (gates & BIT.free_memory) !== 0);
      return lacksMemory ? { type: "queue", lacking: "memory" } : { type: "queue" };
    }
  }
}

/** Whether a request would wait for one of these providers, by the gates of each: the same ladder without messages. */
export function mayWaitFor(gates: readonly GateSet[]): boolean {
  return climb(gates.map((each) => ({ gates: each, promptLimit: 0 }))).end === "room";
}

type Climb =
  /** No provider is meant for this caller. */
  | { readonly end: "nobody" }
  /** This rung stops the last of them. */
  | { readonly end: "stopped"; readonly rung: Rung; readonly before: readonly Stopped[] }
  /** These only lack a free slot. */
  | { readonly end: "room"; readonly left: readonly Stopped[] };

function climb(rejected: readonly Stopped[]): Climb {
  let left = without(rejected, SCOPE);
  if (left.length === 0) return { end: "nobody" };
  for (const [rung, gates] of RUNGS) {
    const before = left;
    left = without(before, gates);
    if (left.length === 0) return { end: "stopped", rung, before };
  }
  return { end: "room", left };
}

function without(rejected: readonly Stopped[], gates: GateSet): readonly Stopped[] {
  return rejected.filter((each) => (each.gates & gates) === 0);
}

/** No provider of the model is meant for this caller: what he himself has ruled out is named, for others may be there. */
function nobodyServes({ route, allowlist }: Traits): HearthError {
  const which =
    route === "self"
      ? "No machine of your own account serves this model now, and this request may run on no other."
      : allowlist === undefined
        ? "No provider of this model is available now."
        : "None of the machines that this request names serves this model now.";
  return new HearthError("no_provider", which, { retryAfterSeconds: 2 });
}

interface Situation {
  /** All providers that reached the rung, which stops every one of them. */
  readonly before: readonly Stopped[];
  /** All providers of the model, for this caller or not. */
  readonly all: readonly Stopped[];
  readonly context: EvaluationContext;
}

function errorOf(rung: Rung, { before, all, context }: Situation): HearthError {
  const { traits } = context;
  switch (rung) {
    case "switch":
      return switchedOff(traits.model);
    case "context":
      return contextLengthExceeded({
        promptTokens: Math.ceil(traits.promptTokens),
        contextTokens: Math.max(...before.map(({ promptLimit }) => promptLimit)),
      });
    case "ability":
      if (without(all, ABLE).length === 0) {
        return new HearthError("capability_unsupported", `No provider of this model serves ${kindOf(traits)}.`);
      }
      return unableNow(traits);
    case "fit":
      return unableNow(traits);
    case "trust":
      return new HearthError("trust_unavailable", "No provider of this model is trusted as far as this request asks.", {
        retryAfterSeconds: 30,
      });
    case "memory":
      return new HearthError("model_too_large", "No provider of this model has the memory to load it.", {
        retryAfterSeconds: 30,
      });
    case "health":
      return new HearthError("providers_cooling", "All providers of this model are recovering from failures.", {
        retryAfterSeconds: 30,
      });
  }
}

const ABILITIES: Readonly<Record<Shape, readonly string[]>> = {
  base: [],
  tools: ["tools"],
  vision: ["images"],
  "tools+vision": ["tools", "images"],
};

/** What the request needs, in words for the consumer. */
function kindOf({ dialect, shape, structuredOutput, logprobs }: Traits): string {
  const wishes = [
    ...ABILITIES[shape],
    ...(structuredOutput ? ["a JSON schema"] : []),
    ...(logprobs ? ["logprobs"] : []),
  ];
  if (wishes.length === 0) return dialect === undefined ? "chats" : `${dialect} requests`;
  return `${dialect === undefined ? "" : `${dialect} `}requests with ${wishes.join(" and ")}`;
}

/** The error when providers that can do what is asked exist, and none is usable now. */
export function unableNow(traits: Traits): HearthError {
  return new HearthError("capability_unavailable", `No provider of this model can serve ${kindOf(traits)} now.`, {
    retryAfterSeconds: 30,
  });
}

/** The error of a model that the operator has switched off. */
export function switchedOff(model: string): HearthError {
  return new HearthError("model_disabled", `The model '${model}' is switched off here.`, { param: "model" });
}
