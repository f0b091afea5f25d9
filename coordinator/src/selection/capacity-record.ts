import type { RecordDeps } from "./fault-record.js";
import type { Probe } from "./health.js";
import type { Traits } from "./traits.js";

/** The capacity refusals of one provider and model. No faults: they only say that its advertised room was not there. */
export class CapacityRecord {
  readonly model: string;
  readonly #deps: RecordDeps;
  /** Those that no accept has answered and that have not cooled it yet. */
  #refusals: readonly number[] = [];
  #lastRefusalAt = Number.NEGATIVE_INFINITY;
  #lastAcceptAt = Number.NEGATIVE_INFINITY;
  /** When the first refusal was seen of those that led here. */
  #refusingSince = Number.POSITIVE_INFINITY;
  #cooledUntil = Number.NEGATIVE_INFINITY;
  /** Cooldowns since the last accept. */
  #cooldowns = 0;
  /** Who is trying again, after a cooldown. */
  #holder: Traits | undefined;

  constructor(deps: RecordDeps, { model }: Traits) {
    this.#deps = deps;
    this.model = model;
  }

  /** It has accepted something since it was cooled last, or never was. */
  get isClosed(): boolean {
    return this.#cooldowns === 0;
  }

  /** When it last refused, ms; −∞ where it never did. */
  get lastRefusalAt(): number {
    return this.#lastRefusalAt;
  }

  isCooled(): boolean {
    return this.#holder !== undefined || this.#deps.clock.now() < this.#cooledUntil;
  }

  /** Room is believed again when a newer heartbeat shows it, or after a while. */
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

  /** It took a request: whatever it refused before that. */
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
   * A request starts here although it was cooled: that is over, or nobody else is left.
   *
   * @returns whether this request is now the one that tries again
   */
  claimProbe(traits: Traits): boolean {
    if (this.#cooldowns === 0 || this.#holder !== undefined) return false;
    this.#holder = traits;
    return true;
  }

  /** That request told nothing about room: the next one may try. */
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
