import type { BreakerStanding, RecordDeps } from "./fault-record.js";
import type { Probe } from "./health.js";
import type { Traits } from "./traits.js";

/** Refusals for want of capacity, of one provider and model. They are no faults, only wrongly advertised free slots. */
export class CapacityRecord {
  readonly model: string;
  readonly #deps: RecordDeps;
  /** Refusals since the last accept or cooldown. */
  #refusals: readonly number[] = [];
  #lastRefusalAt = Number.NEGATIVE_INFINITY;
  #lastAcceptAt = Number.NEGATIVE_INFINITY;
  /** When the first refusal of the current series was seen. */
  #refusingSince = Number.POSITIVE_INFINITY;
  #cooledUntil = Number.NEGATIVE_INFINITY;
  /** Cooldowns since the last accept. */
  #cooldowns = 0;
  /** The request that is the probe after a cooldown. */
  #holder: Traits | undefined;

  constructor(deps: RecordDeps, { model }: Traits) {
    this.#deps = deps;
    this.model = model;
  }

  /** No cooldown since the last accept. */
  get isClosed(): boolean {
    return this.#cooldowns === 0;
  }

  /** When it last refused, ms; −∞ = never. */
  get lastRefusalAt(): number {
    return this.#lastRefusalAt;
  }

  /** What is held against the machine, for who looks at it; `undefined` = nothing. */
  get standing(): BreakerStanding | undefined {
    if (this.isClosed) return undefined;
    const remainingMs = Math.max(0, this.#cooledUntil - this.#deps.clock.now());
    return { state: "capacity", cause: "refusals", remainingMs, faults: this.#cooldowns };
  }

  isCooled(): boolean {
    return this.#holder !== undefined || this.#deps.clock.now() < this.#cooledUntil;
  }

  /** Free slots are believed again once a newer heartbeat shows them, or after a while. */
  believes(heartbeatAt: number): boolean {
    if (heartbeatAt > this.#lastRefusalAt) return true;
    return this.#deps.clock.now() - this.#lastRefusalAt >= this.#deps.settings().disbeliefMs;
  }

  /** @returns whether this refusal starts a cooldown */
  refused(at: number, by: Traits): boolean {
    this.#lastRefusalAt = Math.max(this.#lastRefusalAt, at);
    const probeFailed = this.#holder === by;
    this.release(by);
    if (at < this.#lastAcceptAt || this.isCooled()) return false;
    const { refusalsToCool, windowMs } = this.#deps.settings();
    this.#refusals = [...this.#refusals.filter((each) => Math.abs(at - each) <= windowMs), at];
    if (!probeFailed && this.#refusals.length < refusalsToCool) return false;
    this.#cool();
    return true;
  }

  /** It took a request, which cancels what it refused before that. */
  accepted(at: number): void {
    this.#lastAcceptAt = Math.max(this.#lastAcceptAt, at);
    this.#refusals = this.#refusals.filter((each) => each > at);
    if (at < this.#refusingSince) return;
    this.#refusingSince = Number.POSITIVE_INFINITY;
    this.#holder = undefined;
    this.#cooldowns = 0;
    this.#cooledUntil = Number.NEGATIVE_INFINITY;
  }

  probe(): Probe {
    if (this.#holder !== undefined) return "claimed";
    return this.#cooldowns === 0 || this.isCooled() ? "none" : "free";
  }

  /**
   * A request starts here after a cooldown, or during one because no other provider is left.
   *
   * @returns whether this request is now the probe
   */
  claimProbe(traits: Traits): boolean {
    if (this.#cooldowns === 0 || this.#holder !== undefined) return false;
    this.#holder = traits;
    return true;
  }

  /** The probe told nothing about capacity: the next request may be one. */
  release(by: Traits): void {
    if (this.#holder === by) this.#holder = undefined;
  }

  #cool(): void {
    const { baseCooldownMs, maxCooldownMs } = this.#deps.settings();
    this.#cooledUntil = this.#deps.clock.now() + Math.min(maxCooldownMs, baseCooldownMs * 2 ** this.#cooldowns);
    this.#refusingSince = Math.min(this.#refusingSince, ...this.#refusals);
    this.#cooldowns += 1;
    this.#refusals = [];
  }
}
