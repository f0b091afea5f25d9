import { type BreakerHooks, CircuitBreaker, type Provider, type Traits } from "@hearth/coordinator/internals";
import { type AttemptRecord, pairKey } from "./journal.js";
import type { World } from "./world.js";

// docs/dispatch.md, rule 12, and not the code's numbers: a bug may be in the code's.
/** Faults further apart do not add up, ms. */
const WINDOW_MS = 60_000;
/** Two confirmed faults or late attempts open it, or three that nobody has confirmed. */
const WEIGHT = { confirmed: 1 / 2, late: 1 / 2, unconfirmed: 1 / 3 } as const;
/** Thirds do not add up to one exactly. */
const ENOUGH = 1 - 1e-9;

/** Holds what opens the real breaker against what crossed the wire. */
export class BreakerWatch {
  readonly #world: World;
  #judging: Judging | undefined;

  constructor(world: World) {
    this.#world = world;
  }

  /** For the breaker that is watched. */
  get hooks(): BreakerHooks {
    const { journal } = this.#world;
    return {
      opened: (shape) => {
        journal.count(`opened for ${shape}`);
        if (this.#judging !== undefined) opened(this.#world, this.#judging);
      },
      capacityCooled: () => journal.count("cooled for refusals"),
    };
  }

  watch(breaker: CircuitBreaker): void {
    const { journal, time } = this.#world;
    const { prototype } = CircuitBreaker;
    breaker.judge = (provider, traits, verdict, observedAt) => {
      journal.lastVerdictAt = time.now();
      // A lost connection may open what another of its requests was about.
      const isLoss = typeof verdict === "object" && verdict.connectionLost;
      this.#judging = isLoss ? undefined : { provider, traits, observedAt };
      prototype.judge.call(breaker, provider, traits, verdict, observedAt);
      this.#judging = undefined;
    };
    breaker.connectionLost = (...loss) => {
      // What was our own network's is taken back.
      journal.openings.clear();
      prototype.connectionLost.call(breaker, ...loss);
    };
  }
}

/** Of what the breaker is being told. */
interface Judging {
  readonly provider: Provider;
  readonly traits: Traits;
  readonly observedAt: number;
}

/** A provider is out from here on. */
function opened({ journal, time }: World, { provider, traits, observedAt }: Judging): void {
  const { model, shape } = traits;
  const opening = { at: time.now(), faultAt: observedAt, version: provider.agentVersion };
  journal.openings.set(pairKey(provider.id, model, shape), opening);
  const faults: Fault[] = [];
  for (const attempt of journal.attempts.values()) {
    const { pick, connection, frame } = attempt;
    if (pick === undefined || connection.session?.id !== provider.id || frame.model !== model) continue;
    const weight = pick.search.traits.shape === shape ? weightOf(attempt) : 0;
    // A probe that fails opens it again by itself.
    if (weight > 0 && pick.probe) return;
    if (weight > 0) faults.push({ at: attempt.overAt as number, weight });
  }
  if (!areEnough(faults)) {
    journal.find("nobody is out for what is not its own", `${provider.name} for ${model}, ${shape}`);
  }
}

interface Fault {
  readonly at: number;
  readonly weight: number;
}

/** Whether some of them, close together, come to an opening. */
function areEnough(faults: readonly Fault[]): boolean {
  return faults.some((last) => {
    const recent = faults.filter(({ at }) => at <= last.at && last.at - at <= WINDOW_MS);
    return recent.reduce((sum, { weight }) => sum + weight, 0) >= ENOUGH;
  });
}

/** How much an attempt may count against its provider; what is not known to be innocent is taken for guilty. */
function weightOf(attempt: AttemptRecord): number {
  const { overAt, completed, cancelReason, failure, request, signs, pick, connection } = attempt;
  if (overAt === undefined || completed !== undefined) return 0;
  if (failure !== undefined) {
    if (failure.kind !== "fault" || isAlikeElsewhere(attempt)) return 0;
  } else if (cancelReason === "deadline") {
    return pick?.byDefault === true && signs.size > 0 ? 0 : WEIGHT.late;
  } else if (cancelReason === "lost_race" || cancelReason === "consumer_gone" || cancelReason === "shutdown") {
    return 0;
  }
  // A connection that is lost is one fault, as sure as the surest of what was lost with it.
  if (connection.over !== undefined && overAt === connection.overAt) return WEIGHT.confirmed;
  return request.attempts.some((each) => each.completed !== undefined) ? WEIGHT.confirmed : WEIGHT.unconfirmed;
}

/** Nobody answered the request, and another provider failed at it in the same way. */
function isAlikeElsewhere({ request, failure, connection }: AttemptRecord): boolean {
  if (failure?.likeness === undefined || request.attempts.some((each) => each.completed !== undefined)) return false;
  return request.attempts.some(
    (each) => each.failure?.likeness === failure.likeness && each.connection.provider !== connection.provider,
  );
}
