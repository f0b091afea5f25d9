import type { Principal } from "../accounts/principal.js";
import type { KnownModels } from "../fleet/known-models.js";
import { HearthError } from "../platform/errors.js";
import type { Catalog } from "../selection/catalog.js";
import { neverDoes } from "../selection/gates.js";
import { unableNow } from "../selection/ladder.js";
import type { Picked, PickResult } from "../selection/pick-result.js";
import type { Picker } from "../selection/picker.js";
import type { RoutePlan } from "../selection/route-plan.js";
import { NOTHING_TRIED, type Traits } from "../selection/traits.js";
import type { WaitQueue, WaitResult } from "../selection/wait-queue.js";

/** The right to run one request, and a place to run it first. Whoever gets it gives the place back. */
export interface Admission {
  /** The request's traits, with an alias resolved to the build that will serve. */
  readonly traits: Traits;
  readonly plan: RoutePlan;
  readonly place: Picked;
  /** How long the request waited for room, ms. */
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

/** Who is to be admitted. */
export interface Wanted {
  readonly wanted: Traits;
  readonly plan: RoutePlan;
  /** Patience is over then, ms on the coordinator's clock. */
  readonly until: number;
}

/**
 * The fail-fast ladder behind `checkKnown` and `checkAllowed`: refuses at once what cannot be served, waits for room only
 * where room will come, and takes a place for what can be served now.
 *
 * @throws HearthError with the rung's code
 */
export async function admit(deps: AdmitDeps, { wanted, plan, until }: Wanted, signal: AbortSignal): Promise<Admission> {
  const { traits, pick } = chooseBuild(deps, wanted, plan);
  if (pick !== undefined) return { traits, plan, place: pick, queuedMs: 0 };
  const since = deps.clock.now();
  const waited = await deps.queue.wait({ traits, tried: NOTHING_TRIED, priority: "fresh", until }, signal);
  if (waited.type === "unavailable") {
    // The machine that it waited for may be back without the model.
    checkKnown(deps, wanted);
    throw waited.error;
  }
  return { traits, plan, place: waited, queuedMs: deps.clock.now() - since };
}

/**
 * A place for one more answer to a request that was admitted: taken at once where there is one, else waited for.
 *
 * @param until waiting is over then, ms on the coordinator's clock
 */
export async function admitAnother(
  deps: Pick<AdmitDeps, "picker" | "queue">,
  traits: Traits,
  until: number,
  signal: AbortSignal,
): Promise<WaitResult> {
  const pick = placeNow(deps, traits);
  if (pick.type !== "queue") return pick;
  return deps.queue.wait({ traits, tried: NOTHING_TRIED, priority: "fresh", until }, signal);
}

/** Room that came with time alone (a cooldown is over) is for those who have waited for it. */
function placeNow({ picker, queue }: Pick<AdmitDeps, "picker" | "queue">, traits: Traits): PickResult {
  if (queue.depth(traits.model) > 0) queue.drain();
  return picker.pick({ traits, tried: NOTHING_TRIED });
}

/**
 * The first rung: that we serve, and that there is such a model.
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

/** The second: that the key may use it. @throws HearthError `model_not_allowed` */
export function checkAllowed({ allowedModels }: Principal, { model }: Traits): void {
  if (allowedModels === undefined || allowedModels.has(model)) return;
  throw new HearthError("model_not_allowed", `This API key may not use the model '${model}'.`, { param: "model" });
}

interface Choice {
  readonly traits: Traits;
  /** A place, or `undefined` when the request has to wait for one. */
  readonly pick: Picked | undefined;
}

/**
 * A build of a plan. What nobody can do, however long one waits, is put otherwise where it can be.
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

/** The first build of a plan that can be served now, or else the first that can be served soon. */
function firstBuild(deps: AdmitDeps, wanted: Traits, { builds }: RoutePlan): Choice | HearthError {
  let firstError: HearthError | undefined;
  let firstBusy: Traits | undefined;
  for (const build of builds) {
    const traits = build === wanted.model ? wanted : { ...wanted, model: build };
    const pick = placeNow(deps, traits);
    if (pick.type === "picked") return { traits, pick };
    if (pick.type === "queue") firstBusy ??= traits;
    else firstError ??= withThoseAway(deps, traits, pick.error);
  }
  if (firstBusy !== undefined) return { traits: firstBusy, pick: undefined };
  return firstError ?? new HearthError("internal", "An alias without a build.");
}

/** What a machine that is away has done is not what nobody ever does. */
function withThoseAway({ knownModels }: AdmitDeps, traits: Traits, error: HearthError): HearthError {
  if (error.code !== "capability_unsupported") return error;
  const away = knownModels.away(traits.model, traits.account);
  return away.some((advert) => !neverDoes(advert, traits)) ? unableNow(traits) : error;
}
