import type { Principal } from "../accounts/principal.js";
import type { KnownModels } from "../fleet/known-models.js";
import { HearthError } from "../platform/errors.js";
import { type Catalog, enabledBuildsOf } from "../selection/catalog.js";
import { neverDoes } from "../selection/gates.js";
import { switchedOff, unableNow } from "../selection/ladder.js";
import type { Picked, PickResult } from "../selection/pick-result.js";
import type { Picker } from "../selection/picker.js";
import type { RoutePlan } from "../selection/route-plan.js";
import { NO_ATTEMPTS, type Traits } from "../selection/traits.js";
import type { WaitQueue, WaitResult } from "../selection/wait-queue.js";

/** The right to run one request, with a slot leased for its first attempt. The receiver must give the slot back. */
export interface Admission {
  /** The request's traits, with an alias resolved to the build that will serve. */
  readonly traits: Traits;
  readonly plan: RoutePlan;
  readonly slot: Picked;
  /** How long the request waited for a slot, ms. */
  readonly queuedMs: number;
}

export interface AdmitDeps {
  readonly clock: { now(): number };
  readonly picker: Picker;
  readonly queue: WaitQueue;
  readonly catalog: () => Catalog;
  readonly knownModels: Pick<KnownModels, "knows" | "away">;
  readonly accepting: () => boolean;
}

/** The request that is to be admitted. */
export interface Wanted {
  readonly wanted: Traits;
  readonly plan: RoutePlan;
  /** When patience is over, ms on the coordinator's clock. */
  readonly until: number;
}

/**
 * The rest of the fail-fast ladder, after `checkKnown`, `checkAllowed` and `checkEnabled`: refuses at once what cannot be served, waits
 * only for slots that will come free, and leases one where the request can be served now.
 *
 * @throws HearthError with the rung's code
 */
export async function admit(deps: AdmitDeps, { wanted, plan, until }: Wanted, signal: AbortSignal): Promise<Admission> {
  const { traits, pick } = chooseBuild(deps, wanted, plan);
  if (pick !== undefined) return { traits, plan, slot: pick, queuedMs: 0 };
  const since = deps.clock.now();
  const waited = await deps.queue.wait({ traits, history: NO_ATTEMPTS, priority: "fresh", until }, signal);
  if (waited.type === "unavailable") {
    // The machine that the request waited for may have come back without the model.
    checkKnown(deps, wanted);
    throw waited.error;
  }
  return { traits, plan, slot: waited, queuedMs: deps.clock.now() - since };
}

/**
 * Leases a slot for one more answer to an admitted request: at once if one is free, else after waiting.
 *
 * @param until when waiting ends, ms on the coordinator's clock
 */
export async function admitAnother(
  deps: Pick<AdmitDeps, "picker" | "queue">,
  traits: Traits,
  until: number,
  signal: AbortSignal,
): Promise<WaitResult> {
  const pick = pickNow(deps, traits);
  if (pick.type !== "queue") return pick;
  return deps.queue.wait({ traits, history: NO_ATTEMPTS, priority: "fresh", until }, signal);
}

/** Slots that came free by time alone, such as after a cooldown, go to waiting requests first. */
function pickNow({ picker, queue }: Pick<AdmitDeps, "picker" | "queue">, traits: Traits): PickResult {
  if (queue.depth(traits.model) > 0) queue.drain([traits.model]);
  return picker.pick({ traits, history: NO_ATTEMPTS });
}

/**
 * The first rung: the coordinator is not shutting down, and the model exists.
 *
 * @throws HearthError `shutting_down`, `model_not_found`
 */
export function checkKnown(deps: AdmitDeps, { model }: Traits): void {
  if (!deps.accepting()) {
    throw new HearthError("shutting_down", "The coordinator is restarting.", { retryAfterSeconds: 2 });
  }
  const { models, aliases } = deps.catalog();
  if (!deps.knownModels.knows(model) && !models.has(model) && !aliases.has(model)) {
    throw new HearthError("model_not_found", `The model '${model}' does not exist.`, { param: "model" });
  }
}

/** The second rung: the key may use the model. @throws HearthError `model_not_allowed` */
export function checkAllowed({ allowedModels }: Principal, { model }: Traits): void {
  if (allowedModels === undefined || allowedModels.has(model)) return;
  throw new HearthError("model_not_allowed", `This API key may not use the model '${model}'.`, { param: "model" });
}

/** The third rung: the operator has not switched it off. @throws HearthError `model_disabled` */
export function checkEnabled(catalog: Catalog, { model }: Traits): void {
  if (catalog.rules.size > 0 && enabledBuildsOf(catalog, model).length === 0) throw switchedOff(model);
}

interface Choice {
  readonly traits: Traits;
  /** A leased slot; `undefined` = the request has to wait for one. */
  readonly pick: Picked | undefined;
}

/**
 * Chooses a build of a plan. If no provider can ever serve the request in its shape, its other shape is tried.
 *
 * @throws HearthError with the rung's code
 */
function chooseBuild(deps: AdmitDeps, wanted: Traits, plan: RoutePlan): Choice {
  const { otherwise, ...traits } = wanted;
  let choice = firstBuild(deps, wanted, plan);
  if (choice instanceof HearthError && otherwise !== undefined && UNABLE.has(choice.code)) {
    choice = firstBuild(deps, { ...traits, shape: otherwise }, plan);
  }
  if (choice instanceof HearthError) throw choice;
  return choice;
}

const UNABLE: ReadonlySet<string> = new Set(["capability_unsupported", "capability_unavailable"]);

/** The first build of a plan that can be served now; if there is none, the first that can be served soon. */
function firstBuild(deps: AdmitDeps, wanted: Traits, { builds }: RoutePlan): Choice | HearthError {
  let firstError: HearthError | undefined;
  let firstBusy: Traits | undefined;
  for (const build of builds) {
    const traits = build === wanted.model ? wanted : { ...wanted, model: build };
    const pick = pickNow(deps, traits);
    if (pick.type === "picked") return { traits, pick };
    if (pick.type === "queue") firstBusy ??= traits;
    else firstError ??= withThoseAway(deps, traits, pick.error);
  }
  if (firstBusy !== undefined) return { traits: firstBusy, pick: undefined };
  return firstError ?? new HearthError("internal", "An alias without a build.");
}

/** Softens "nobody can ever serve this" to "nobody can now" if a machine that is away could. */
function withThoseAway({ knownModels }: AdmitDeps, traits: Traits, error: HearthError): HearthError {
  if (error.code !== "capability_unsupported") return error;
  const away = knownModels.away(traits.model, traits.account);
  return away.some((advert) => !neverDoes(advert, traits)) ? unableNow(traits) : error;
}
