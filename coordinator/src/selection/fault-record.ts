import type { Clock, Rng } from "@hearth/platform";
import type { Probe } from "./health.js";
import { DEFAULT_OUTLIER, type OutlierSettings } from "./outlier-policy.js";

/** What every record of the breaker works with. */
export interface RecordDeps {
  readonly clock: Clock;
  readonly rng: Rng;
  readonly settings: () => OutlierSettings;
}

type State =
  | { readonly type: "closed" }
  | { readonly type: "open"; readonly until: number; readonly build: string }
  | { readonly type: "probing" };

/** The faults of one provider, model and shape. */
export class FaultRecord {
  lastFaultAt = Number.NEGATIVE_INFINITY;
  #faults: number[] = [];
  #state: State = { type: "closed" };
  /** What the last success cleared. */
  #forgiven: { readonly faults: readonly number[]; readonly state: State } | undefined;
  /** Ejections so far, less the healthy minutes since. */
  #level = 0;
  #levelAt = 0;
  #build = "";

  /** Not to be used: ejected, or somebody's probe is under way. */
  isOut(now: number, build: string): boolean {
    switch (this.#state.type) {
      case "closed":
        return false;
      case "open":
        return now < this.#state.until && this.#state.build === build;
      case "probing":
        return true;
    }
  }

  probe(now: number, build: string): Probe {
    if (this.#state.type === "probing") return "claimed";
    return this.#state.type === "open" && !this.isOut(now, build) ? "free" : "none";
  }

  failed(at: number, build: string): void {
    this.lastFaultAt = Math.max(this.lastFaultAt, at);
    this.#build = build;
    this.#faults.push(at);
    if (this.#faults.length > DEFAULT_OUTLIER.confirmedToOpen) this.#faults.shift();
  }

  /** Opens after enough faults within the window, and again at once after a failed probe. */
  openIfDue(now: number, rng: Rng): boolean {
    const enough =
      this.#faults.length >= DEFAULT_OUTLIER.confirmedToOpen &&
      now - (this.#faults[0] as number) <= DEFAULT_OUTLIER.windowMs;
    const probeFailed = this.#state.type === "probing";
    if (this.#state.type === "open" || !(enough || probeFailed)) return false;
    this.#decay(now);
    const ejectionMs = Math.min(DEFAULT_OUTLIER.maxEjectionMs, DEFAULT_OUTLIER.baseEjectionMs * 2 ** this.#level);
    const until = now + Math.min(DEFAULT_OUTLIER.maxEjectionMs, ejectionMs * (1 + DEFAULT_OUTLIER.jitter * rng.next()));
    this.#state = { type: "open", until, build: this.#build };
    this.#level += 1;
    this.#levelAt = until;
    return true;
  }

  /** @returns whether this request is now the probe */
  claimProbe(now: number, build: string): boolean {
    if (this.#state.type !== "open" || this.isOut(now, build)) return false;
    this.#state = { type: "probing" };
    return true;
  }

  /** The probe ended without telling anything: the next request may claim it. */
  releaseProbe(): void {
    if (this.#state.type === "probing") this.#state = { type: "open", until: 0, build: this.#build };
  }

  /** A success that was seen before the last fault says nothing about it. */
  succeeded(at: number): void {
    if (at < this.lastFaultAt) return;
    this.#forgiven = { faults: this.#faults, state: this.#state };
    this.#faults = [];
    if (this.#state.type === "closed") return;
    this.#state = { type: "closed" };
    this.#levelAt = at;
  }

  /** The last success turned out to be none: what it had cleared is as it was. */
  unsaySuccess(): void {
    if (this.#forgiven === undefined) return;
    this.#faults = [...this.#forgiven.faults, ...this.#faults];
    this.#state = this.#forgiven.state;
    this.#forgiven = undefined;
  }

  #decay(now: number): void {
    const healthyMinutes = Math.floor(Math.max(0, now - this.#levelAt) / DEFAULT_OUTLIER.healthyMs);
    this.#level = Math.max(0, this.#level - healthyMinutes);
  }
}
