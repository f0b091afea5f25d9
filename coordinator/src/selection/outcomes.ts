import type { BreakerSettings } from "./breaker-settings.js";

/** One outcome of a provider, model and shape. The object itself is kept, to be confirmed, cleared or removed later. */
export interface RecordedOutcome {
  /** When it was seen, ms. */
  readonly at: number;
  /** `cleared`: a fault followed by a success. It still counts as an outcome, but no longer towards opening. */
  kind: "success" | "unconfirmed" | "confirmed" | "cleared";
}

/** The last outcomes of a provider, model and shape, by time of observation; they may be added in any order. */
export class Outcomes {
  readonly #seen: RecordedOutcome[] = [];

  /** Of two observed at the same time, the one added later counts as later. */
  add(outcome: RecordedOutcome, keep: number): void {
    let place = this.#seen.length;
    while (place > 0 && (this.#seen[place - 1] as RecordedOutcome).at > outcome.at) place -= 1;
    this.#seen.splice(place, 0, outcome);
    if (this.#seen.length > keep) this.#seen.splice(0, this.#seen.length - keep);
  }

  remove(outcome: RecordedOutcome): void {
    const place = this.#seen.indexOf(outcome);
    if (place >= 0) this.#seen.splice(place, 1);
  }

  removeLastSuccess(): void {
    const last = this.#seen.findLast(({ kind }) => kind === "success");
    if (last !== undefined) this.remove(last);
  }

  /** A success has followed all faults so far. */
  clear(): void {
    for (const outcome of this.#seen) if (opens(outcome)) outcome.kind = "cleared";
  }

  /** Faults that no success has answered yet. */
  get faults(): number {
    return this.#seen.filter(opens).length;
  }

  /** When the last fault was observed, cleared or not, ms; −∞ = none is remembered. */
  get lastFaultAt(): number {
    return this.#seen.findLast(({ kind }) => kind !== "success")?.at ?? Number.NEGATIVE_INFINITY;
  }

  /**
   * Whether there are enough faults within the window before the last of them, and enough in relation to the successes.
   * Older and cleared faults are left out of both: a bad record must not make the next fault weigh less.
   */
  areDue({ confirmedToOpen, unconfirmedToOpen, windowMs, faultShare }: BreakerSettings): boolean {
    const last = this.#seen.findLast(opens);
    if (last === undefined) return false;
    const recent = this.#seen.filter((outcome) => opens(outcome) && last.at - outcome.at <= windowMs);
    const confirmed = recent.filter(({ kind }) => kind === "confirmed").length;
    const unconfirmed = recent.length - confirmed;
    // confirmed ÷ confirmedToOpen + unconfirmed ÷ unconfirmedToOpen ≥ 1, without fractions.
    const weight = confirmed * unconfirmedToOpen + unconfirmed * confirmedToOpen;
    if (weight < confirmedToOpen * unconfirmedToOpen) return false;
    const successes = this.#seen.filter(({ kind }) => kind === "success").length;
    return recent.length > faultShare * (recent.length + successes);
  }
}

const opens = ({ kind }: RecordedOutcome): boolean => kind === "confirmed" || kind === "unconfirmed";
