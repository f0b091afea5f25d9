/** The highest of some numbers within a span of time, give or take a part of it. */
export class RecentPeak {
  readonly #parts: { readonly since: number; peak: number }[] = [];
  readonly #spanMs: number;
  readonly #partMs: number;

  constructor(spanMs: number, parts = 60) {
    this.#spanMs = spanMs;
    this.#partMs = spanMs / parts;
  }

  note(value: number, now: number): void {
    const last = this.#parts.at(-1);
    if (last !== undefined && now - last.since < this.#partMs) last.peak = Math.max(last.peak, value);
    else this.#parts.push({ since: now, peak: value });
    while (this.#parts.length > 0 && now - (this.#parts[0]?.since ?? now) >= this.#spanMs) this.#parts.shift();
  }

  /** 0 before there is any number. */
  get value(): number {
    return Math.max(0, ...this.#parts.map(({ peak }) => peak));
  }
}
