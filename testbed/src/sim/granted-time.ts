import type { WorkingScope, WorkingSign } from "@hearth/protocol";

// The numbers of docs/dispatch.md, rules 3, 4 and 7, and not the code's: a bug may be in the code's.
const DEADLINE_FACTOR = 1.5;
const EXTENSION_MS = 45_000;
const MOST_EXTENSIONS = 4;
const LOADING_MS = 600_000;

/** What an attempt was heard of last, as far as it matters for its time. */
type Heard = "nothing" | "waiting" | "loading" | "begun";

/** How long an attempt may take, by what its provider was expected to need and by what has come of it on the wire. */
export class GrantedTime {
  readonly #startedAt: number;
  readonly #estimateMs: number;
  #deadlineAt: number;
  #heard: Heard = "nothing";
  #extendedOnce = false;

  constructor(startedAt: number, estimateMs: number) {
    this.#startedAt = startedAt;
    this.#estimateMs = estimateMs;
    this.#deadlineAt = startedAt + DEADLINE_FACTOR * estimateMs;
  }

  get estimateAt(): number {
    return this.#startedAt + this.#estimateMs;
  }

  get deadlineAt(): number {
    return this.#deadlineAt;
  }

  isLate(now: number): boolean {
    return now >= (this.#heard === "nothing" ? this.estimateAt : this.#deadlineAt);
  }

  /** Something came that is no content. */
  moved(sign: WorkingSign | "preamble", scope: WorkingScope, now: number): void {
    const isTied = scope === "request" && sign !== "preamble";
    if (this.#heard !== "begun") this.#heard = heardOf(sign);
    if (!isTied && this.#extendedOnce) return;
    this.#extendedOnce ||= !isTied;
    const mostMs = this.#heard === "loading" ? LOADING_MS : MOST_EXTENSIONS * this.#estimateMs;
    this.#deadlineAt = Math.max(this.#deadlineAt, Math.min(now + EXTENSION_MS, this.#startedAt + mostMs));
  }
}

function heardOf(sign: WorkingSign | "preamble"): Heard {
  if (sign === "queued") return "waiting";
  return sign === "loading" ? "loading" : "begun";
}
