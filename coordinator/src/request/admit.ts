import type { KnownModels } from "../fleet/known-models.js";
import { HearthError } from "../platform/errors.js";
import { buildsOf, type Catalog } from "../selection/catalog.js";
import type { Picked } from "../selection/pick-result.js";
import type { Picker } from "../selection/picker.js";
import { NOTHING_TRIED, type Traits } from "../selection/traits.js";
import type { WaitQueue } from "../selection/wait-queue.js";

/** The right to run one request, and a place to run it, until it is settled. */
export interface Reservation extends Disposable {
  /** The request's traits, with an alias resolved to the build that will serve. */
  readonly traits: Traits;
  readonly admittedAt: number;
  /** How long the request waited for room, ms. */
  readonly queuedMs: number;
  /** The breaker lets this request find out whether its provider is well again. */
  readonly probe: boolean;
  /** The place for the first attempt; whoever takes it gives it back. */
  takePlace(): Picked | undefined;
}

export interface AdmitDeps {
  readonly clock: { now(): number };
  readonly picker: Picker;
  readonly queue: WaitQueue;
  readonly catalog: Catalog;
  readonly knownModels: Pick<KnownModels, "knows">;
  readonly accepting: () => boolean;
}

/**
 * The fail-fast ladder: refuses at once what cannot be served, waits for room only where room will come, and takes a
 * place for what can be served now.
 *
 * @throws HearthError with the rung's code
 */
export async function admit(deps: AdmitDeps, traits: Traits, signal: AbortSignal): Promise<Reservation> {
  const admittedAt = deps.clock.now();
  checkKnown(deps, traits);
  const choice = chooseBuild(deps, traits);
  if (choice.pick !== undefined) return reserve(choice.traits, choice.pick, admittedAt, 0);
  const waited = await deps.queue.wait({ traits: choice.traits, tried: NOTHING_TRIED, priority: "fresh" }, signal);
  if (waited.type === "unavailable") {
    // The machine that it waited for may be back without the model.
    checkKnown(deps, traits);
    throw waited.error;
  }
  return reserve(choice.traits, waited, admittedAt, deps.clock.now() - admittedAt);
}

function checkKnown(deps: AdmitDeps, traits: Traits): void {
  if (!deps.accepting()) {
    throw new HearthError("shutting_down", "The coordinator is restarting.", { retryAfterSeconds: 2 });
  }
  const { catalog, knownModels } = deps;
  const { model } = traits;
  if (!knownModels.knows(model) && !catalog.models.has(model) && !catalog.aliases.has(model)) {
    throw new HearthError("model_not_found", `The model '${model}' does not exist.`, { param: "model" });
  }
}

interface Choice {
  readonly traits: Traits;
  /** A place, or `undefined` when the request has to wait for one. */
  readonly pick: Picked | undefined;
}

/** The first build of an alias that can be served now, or else the first that can be served soon. */
function chooseBuild(deps: AdmitDeps, traits: Traits): Choice {
  let firstError: HearthError | undefined;
  let firstBusy: Traits | undefined;
  for (const build of buildsOf(deps.catalog, traits.model)) {
    const resolved = build === traits.model ? traits : { ...traits, model: build };
    // Room that came with time alone (a cooldown is over) is for those who have waited for it.
    if (deps.queue.depth(build) > 0) deps.queue.drain();
    const pick = deps.picker.pick({ traits: resolved, tried: NOTHING_TRIED });
    if (pick.type === "picked") return { traits: resolved, pick };
    if (pick.type === "queue") firstBusy ??= resolved;
    else firstError ??= pick.error;
  }
  if (firstBusy !== undefined) return { traits: firstBusy, pick: undefined };
  throw firstError ?? new HearthError("internal", "An alias without a build.");
}

function reserve(traits: Traits, pick: Picked, admittedAt: number, queuedMs: number): Reservation {
  let place: Picked | undefined = pick;
  const takePlace = (): Picked | undefined => {
    const taken = place;
    place = undefined;
    return taken;
  };
  return {
    traits,
    admittedAt,
    queuedMs,
    probe: pick.lease.probe,
    takePlace,
    [Symbol.dispose]() {
      const unused = takePlace()?.lease;
      unused?.judge("neutral", admittedAt);
      unused?.[Symbol.dispose]();
    },
  };
}
