import type { BreakerSettings } from "./breaker-settings.js";

/** One outcome of a provider, model and shape. Known by its identity: it may be confirmed, cleared or taken back later. */
export interface RecordedOutcome {
  /** When it was seen, ms. */
  readonly at: number;
  /** `cleared`: a fault that a success has answered. It is still an outcome, and no longer opens. */
  kind: "success" | "unconfirmed" | "confirmed" | "cleared";
}

/** The last outcomes of a provider, model and shape, in the order in which they were seen, told in any order. */
export class Outcomes {
  readonly #seen: RecordedOutcome[] = [];

  /** Of two that were seen at the same time the one that was told last is the later. */
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

  /** All faults so far are answered for. */
  clear(): void {
    for (const outcome of this.#seen) if (opens(outcome)) outcome.kind = "cleared";
  }

  /** When the last fault was seen, cleared or not, ms; −∞ where none is remembered. */
  get lastFaultAt(): number {
    return this.#seen.findLast(({ kind }) => kind !== "success")?.at ?? Number.NEGATIVE_INFINITY;
  }

  /**
   * Enough faults within the window before the last of them, and more than their share beside the successes. Older and
   * cleared faults speak neither for nor against it: a bad record must not make the next fault weigh less.
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
