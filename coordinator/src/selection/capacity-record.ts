import { DEFAULT_OUTLIER } from "./outlier-policy.js";

/** The capacity refusals of one provider and model. No faults: they only say that its advertised room was not there. */
export class CapacityRecord {
  #refusals: number[] = [];
  #lastRefusalAt = Number.NEGATIVE_INFINITY;
  #cooledUntil = 0;
  #cooldowns = 0;
  #probing = false;

  isCooled(now: number): boolean {
    return this.#probing || now < this.#cooledUntil;
  }

  /** Room is believed again when a newer heartbeat shows it, or after a while. */
  believes(heartbeatAt: number, now: number): boolean {
    return heartbeatAt > this.#lastRefusalAt || now - this.#lastRefusalAt >= DEFAULT_OUTLIER.disbeliefMs;
  }

  /** @returns whether this refusal starts a cooldown */
  refused(at: number, now: number): boolean {
    this.#lastRefusalAt = Math.max(this.#lastRefusalAt, at);
    this.#refusals.push(at);
    if (this.#refusals.length > DEFAULT_OUTLIER.refusalsToCool) this.#refusals.shift();
    const enough =
      this.#refusals.length >= DEFAULT_OUTLIER.refusalsToCool &&
      now - (this.#refusals[0] as number) <= DEFAULT_OUTLIER.windowMs;
    if (!enough && !this.#probing) return false;
    this.#probing = false;
    const cooldownMs = DEFAULT_OUTLIER.baseCooldownMs * 2 ** this.#cooldowns;
    this.#cooledUntil = now + Math.min(DEFAULT_OUTLIER.maxEjectionMs, cooldownMs);
    this.#cooldowns += 1;
    this.#refusals = [];
    return true;
  }

  accepted(): void {
    this.#refusals = [];
    this.#probing = false;
    this.#cooldowns = 0;
    this.#cooledUntil = 0;
  }

  /** @returns whether this request is now the one that tries again */
  claimProbe(now: number): boolean {
    if (this.#cooldowns === 0 || this.isCooled(now)) return false;
    this.#probing = true;
    return true;
  }

  releaseProbe(): void {
    this.#probing = false;
  }
}
