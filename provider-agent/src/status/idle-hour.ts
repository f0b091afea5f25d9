import type { Clock } from "@hearth/platform";
import { missedWords } from "@hearth/protocol";
import { type Counts, sum } from "./recent-work.js";

const HOUR_MS = 3_600_000;
const NONE: Counts = { picked: 0, lost: 0, rejected: {} };

/** Notices that a machine was not chosen for an hour although requests came by, so that its owner need not ask. */
export class IdleHour {
  readonly #clock: Clock;
  #since: number;
  #counts = NONE;
  /** Why, in plain words, until it is chosen again. */
  #reasons: readonly string[] = [];

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#since = clock.now();
  }

  /** @returns why it got nothing, in plain words: once for each such hour */
  add(counts: Counts): readonly string[] | undefined {
    if (counts.picked > 0) {
      this.restart();
      return undefined;
    }
    this.#counts = sum(this.#counts, counts);
    if (this.#clock.now() - this.#since < HOUR_MS) return undefined;
    const reasons = missedWords(this.#counts);
    this.#begin();
    if (reasons.length === 0) return undefined;
    this.#reasons = reasons;
    return reasons;
  }

  /** It was chosen, or its owner does not want it to be. */
  restart(): void {
    this.#reasons = [];
    this.#begin();
  }

  /** A line for its owner while it is so; none = it is not. */
  get words(): readonly string[] {
    if (this.#reasons.length === 0) return [];
    return [`For an hour no request was sent here, and some came by: ${this.#reasons.join(", ")}.`];
  }

  #begin(): void {
    this.#since = this.#clock.now();
    this.#counts = NONE;
  }
}
