import type { Clock, Rng } from "@hearth/platform";
import type { Provider } from "../fleet/provider.js";
import type { BreakerSettings } from "./breaker-settings.js";
import type { Probe } from "./health.js";
import { Outcomes, type RecordedOutcome } from "./outcomes.js";
import type { Shape, Traits } from "./traits.js";

/** What the breaker's records depend on. */
export interface RecordDeps {
  readonly clock: Clock;
  readonly rng: Rng;
  readonly settings: () => BreakerSettings;
}

/** A request on a provider. It is recognised by the identity of its traits, not by their values. */
export interface Stay {
  readonly provider: Provider;
  readonly traits: Traits;
}

/** Why a breaker is not closed, and for how long. */
export interface BreakerStanding {
  /** `half_open`: the next request tries the machine, or one does. */
  readonly state: "open" | "half_open" | "capacity";
  /** `probe`: the request that tried it again has failed. */
  readonly cause: "faults" | "late" | "retraction" | "probe" | "refusals";
  readonly remainingMs: number;
  /** Faults that are remembered, or cooldowns since it last took a request. */
  readonly faults: number;
}

type State =
  | { readonly type: "closed" }
  /** Half-open once `until` has passed or the build has changed. */
  | { readonly type: "open"; readonly until: number; readonly opening: Opening }
  | { readonly type: "half_open"; readonly holder: Traits; readonly opening: Opening };

/** What led to the breaker's opening, kept so that it can be undone when a fault is taken back. */
interface Opening {
  readonly cause: "faults" | "late" | "retraction" | RecordedOutcome;
  /** The build that had failed. */
  readonly build: Build;
  /** Doublings of the open time before this one. */
  readonly level: number;
  /** The opening before, when this one came from a failed probe. */
  readonly before: Opening | undefined;
}

const CLOSED: State = { type: "closed" };

/**
 * The breaker of one provider, model and shape: closed, open for a while after faults, then half-open for one probe.
 * Times are those of observation; they may be reported late and in any order.
 */
export class FaultRecord {
  readonly model: string;
  readonly shape: Shape;
  readonly #deps: RecordDeps;
  readonly #outcomes = new Outcomes();
  /** Late attempts that no success has answered yet. */
  #lates: readonly number[] = [];
  #state: State = CLOSED;
  #lastFaultAt = Number.NEGATIVE_INFINITY;
  #lastSuccessAt = Number.NEGATIVE_INFINITY;
  /** When it last closed, and the request whose success closed it. */
  #closed: { readonly at: number; readonly by: Traits } | undefined;
  /** By how many doublings the next open time is longer than the first. */
  #level = 0;
  /** Since when healthy time counts that has not yet taken a doubling back. */
  #healthySince = 0;
  /** The build that failed last. */
  #build: Build = NO_BUILD;

  constructor(deps: RecordDeps, { model, shape }: Traits) {
    this.#deps = deps;
    this.model = model;
    this.shape = shape;
  }

  get isClosed(): boolean {
    return this.#state.type === "closed";
  }

  /** When it last failed or was late, ms; −∞ = never. */
  get lastFaultAt(): number {
    return this.#lastFaultAt;
  }

  /** What is held against the machine, for who looks at it; `undefined` = closed. */
  get standing(): BreakerStanding | undefined {
    if (this.#state.type === "closed") return undefined;
    const { cause } = this.#state.opening;
    const leftMs = this.#state.type === "open" ? this.#state.until - this.#deps.clock.now() : 0;
    return {
      state: leftMs > 0 ? "open" : "half_open",
      cause: typeof cause === "string" ? cause : "probe",
      remainingMs: Math.max(0, leftMs),
      faults: this.#outcomes.faults,
    };
  }

  /** Not to be used: open, or half-open with a probe under way. A changed build makes it half-open. */
  isOpen(provider: Provider): boolean {
    switch (this.#state.type) {
      case "closed":
        return false;
      case "open":
        return this.#deps.clock.now() < this.#state.until && isBuild(this.#state.opening.build, provider, this.model);
      case "half_open":
        return true;
    }
  }

  probe(provider: Provider): Probe {
    switch (this.#state.type) {
      case "closed":
        return "none";
      case "open":
        return this.isOpen(provider) ? "none" : "free";
      case "half_open":
        return "claimed";
    }
  }

  /**
   * A request starts here although the breaker is not closed: it is half-open, or no other provider is left.
   *
   * @returns whether it is now the probe
   */
  claimProbe({ traits }: Stay): boolean {
    if (this.#state.type !== "open") return false;
    this.#state = { type: "half_open", holder: traits, opening: this.#state.opening };
    return true;
  }

  /** The request ended without a verdict. If it was the probe, another request may claim it. */
  release(by: Traits): void {
    if (this.#state.type === "half_open" && this.#state.holder === by) this.#halfOpen(this.#state.opening);
  }

  /** @returns whether this opens it */
  failed(outcome: RecordedOutcome, stay: Stay): boolean {
    if (this.#closed !== undefined && outcome.at < this.#closed.at) outcome.kind = "cleared";
    this.#noteFault(outcome, stay);
    if (this.#isHeldBy(stay.traits)) return this.#open(outcome);
    return this.#openIfDue();
  }

  /**
   * An attempt passed its own deadline. One says little, and is forgotten with the next success; several are a fault.
   *
   * @returns whether this opens it
   */
  late(at: number, stay: Stay): boolean {
    this.#lastFaultAt = Math.max(this.#lastFaultAt, at);
    if (this.#isHeldBy(stay.traits)) {
      this.#build = buildOf(stay.provider, this.model);
      return this.#open("late");
    }
    if (at < this.#lastSuccessAt) return false;
    const { latesToOpen, windowMs } = this.#deps.settings();
    this.#lates = [...this.#lates.filter((each) => Math.abs(at - each) <= windowMs), at];
    if (this.#lates.length < latesToOpen) return false;
    this.#lates = [];
    this.#noteFault({ at, kind: "confirmed" }, stay);
    return this.isClosed && this.#open("late");
  }

  /** Until the open time is over, only the success of the probe closes it. */
  succeeded(at: number, traits: Traits): void {
    this.#lastSuccessAt = Math.max(this.#lastSuccessAt, at);
    this.#lates = this.#lates.filter((late) => late > at);
    this.#outcomes.add({ at, kind: "success" }, this.#deps.settings().outcomesKept);
    const openOver = this.#state.type === "open" && at >= this.#state.until;
    if (!openOver && !this.#isHeldBy(traits)) return;
    // A success from before the last fault does not answer that fault.
    if (at >= this.#lastFaultAt) this.#close(at, traits);
    else this.release(traits);
  }

  /**
   * A success turned out to be none.
   *
   * @returns whether this opens it: at once where that success had closed it
   */
  retracted(at: number, stay: Stay): boolean {
    this.#outcomes.removeLastSuccess();
    const hadClosed = this.isClosed && this.#closed?.by === stay.traits;
    if (this.failed({ at, kind: "confirmed" }, stay)) return true;
    return hadClosed && this.#open("retraction");
  }

  /**
   * A fault that is recorded here has been confirmed.
   *
   * @returns whether this opens it
   */
  confirm(outcome: RecordedOutcome): boolean {
    if (outcome.kind !== "unconfirmed") return false;
    outcome.kind = "confirmed";
    return this.#openIfDue();
  }

  /** A fault that is recorded here was nobody's, and what it did is undone. */
  takeBack(outcome: RecordedOutcome): void {
    this.#outcomes.remove(outcome);
    this.#lastFaultAt = Math.max(this.#outcomes.lastFaultAt, ...this.#lates);
    if (this.#state.type !== "open") return;
    const { cause, level, before } = this.#state.opening;
    if (cause === "faults" && !this.#outcomes.areDue(this.#deps.settings())) this.#state = CLOSED;
    else if (cause === outcome && before !== undefined) this.#halfOpen(before);
    else return;
    this.#level = level;
  }

  #noteFault(outcome: RecordedOutcome, { provider }: Stay): void {
    this.#spendHealthyMinutes(outcome.at);
    this.#lastFaultAt = Math.max(this.#lastFaultAt, outcome.at);
    this.#build = buildOf(provider, this.model);
    this.#outcomes.add(outcome, this.#deps.settings().outcomesKept);
  }

  #openIfDue(): boolean {
    return this.isClosed && this.#outcomes.areDue(this.#deps.settings()) && this.#open("faults");
  }

  #open(cause: Opening["cause"]): true {
    const { baseOpenMs, maxOpenMs, jitter } = this.#deps.settings();
    const openMs = baseOpenMs * 2 ** this.#level;
    const until = this.#deps.clock.now() + Math.min(maxOpenMs, openMs * (1 + jitter * this.#deps.rng.next()));
    const before = this.#state.type === "closed" ? undefined : { ...this.#state.opening, before: undefined };
    this.#state = { type: "open", until, opening: { cause, build: this.#build, level: this.#level, before } };
    // Doublings beyond the longest time would have no effect but to take longer to undo.
    if (openMs < maxOpenMs) this.#level += 1;
    return true;
  }

  #halfOpen(opening: Opening): void {
    this.#state = { type: "open", until: Number.NEGATIVE_INFINITY, opening };
  }

  #close(at: number, by: Traits): void {
    this.#state = CLOSED;
    this.#closed = { at, by };
    this.#outcomes.clear();
    this.#healthySince = at;
  }

  #isHeldBy(traits: Traits): boolean {
    return this.#state.type === "half_open" && this.#state.holder === traits;
  }

  #spendHealthyMinutes(at: number): void {
    if (!this.isClosed) return;
    const minutes = Math.floor(Math.max(0, at - this.#healthySince) / this.#deps.settings().healthyMs);
    this.#level = Math.max(0, this.#level - minutes);
    this.#healthySince = Math.max(this.#healthySince, at);
  }
}

/** What must change for a machine to get a probe early: the agent's program, the backend's, or the model's weights. */
interface Build {
  readonly agentVersion: string;
  readonly backend: string | undefined;
  readonly backendVersion: string | undefined;
  readonly weightsHash: string | undefined;
}

const NO_BUILD: Build = { agentVersion: "", backend: undefined, backendVersion: undefined, weightsHash: undefined };

function buildOf({ agentVersion, models }: Provider, model: string): Build {
  const advert = models.get(model);
  const { kind: backend, version: backendVersion } = advert?.backend ?? {};
  return { agentVersion, backend, backendVersion, weightsHash: advert?.weights_hash };
}

function isBuild(build: Build, { agentVersion, models }: Provider, model: string): boolean {
  const advert = models.get(model);
  return (
    build.agentVersion === agentVersion &&
    build.backend === advert?.backend?.kind &&
    isVersion(build.backendVersion, advert?.backend?.version) &&
    build.weightsHash === advert?.weights_hash
  );
}

/** An unknown version, then or now, does not count as a change. */
function isVersion(then: string | undefined, now: string | undefined): boolean {
  return then === undefined || now === undefined || then === now;
}
