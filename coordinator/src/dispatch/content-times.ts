/** Bins an octave of gaps is told apart by: what a quantile says is off by an eighth at most. */
const BINS_AN_OCTAVE = 4;
/** Up to 2^17 ms: longer silences are not waited out. */
const OCTAVES = 16;
const BINS = OCTAVES * BINS_AN_OCTAVE;

/** When content came, in all. Gaps are the silences between; those of less than two arrivals are absent. */
export interface ContentSummary {
  /** How often content came; what came together counts once. */
  readonly count: number;
  /** From the first of it to the last, ms. */
  readonly ms: number;
  readonly p50GapMs?: number;
  readonly maxGapMs?: number;
}

/** When the content of one answer came, in counters: what it takes does not grow with the answer. */
export class ContentTimes {
  #count = 0;
  #firstAt = 0;
  #lastAt = 0;
  #maxGapMs = 0;
  /** How many gaps were about so long; made when there is one. */
  #gaps: Uint32Array | undefined;

  /** Content has come. @param now ms */
  came(now: number): void {
    this.#count += 1;
    if (this.#count === 1) {
      this.#firstAt = now;
    } else {
      const gapMs = now - this.#lastAt;
      if (gapMs > this.#maxGapMs) this.#maxGapMs = gapMs;
      this.#gaps ??= new Uint32Array(BINS);
      const bin = binOf(gapMs);
      this.#gaps[bin] = (this.#gaps[bin] ?? 0) + 1;
    }
    this.#lastAt = now;
  }

  /** When the first of it came, ms; `undefined` = none has come. */
  get firstAt(): number | undefined {
    return this.#count === 0 ? undefined : this.#firstAt;
  }

  /** Of the answers to one request, taken together; `undefined` = no content has come. */
  static summary(all: readonly ContentTimes[]): ContentSummary | undefined {
    const came = all.filter((each) => each.#count > 0);
    if (came.length === 0) return undefined;
    const count = came.reduce((sum, each) => sum + each.#count, 0);
    const firstAt = Math.min(...came.map((each) => each.#firstAt));
    const ms = Math.round(Math.max(...came.map((each) => each.#lastAt)) - firstAt);
    const gaps = came.flatMap((each) => each.#gaps ?? []);
    if (gaps.length === 0) return { count, ms };
    const maxGapMs = Math.round(Math.max(...came.map((each) => each.#maxGapMs)));
    return { count, ms, p50GapMs: Math.min(maxGapMs, medianOf(gaps)), maxGapMs };
  }
}

/** Below 4 ms each has its own; from there on each octave has as many. */
function binOf(gapMs: number): number {
  const whole = Math.min(Math.max(0, Math.floor(gapMs)), 0xffff_ffff);
  if (whole < BINS_AN_OCTAVE) return whole;
  const octave = 31 - Math.clz32(whole);
  return Math.min(BINS - 1, (octave - 1) * BINS_AN_OCTAVE + ((whole >>> (octave - 2)) & 3));
}

/** The middle of a bin, whole ms. */
function middleOf(bin: number): number {
  if (bin < BINS_AN_OCTAVE) return bin;
  const width = 2 ** (Math.floor(bin / BINS_AN_OCTAVE) - 1);
  return Math.floor((BINS_AN_OCTAVE + (bin % BINS_AN_OCTAVE)) * width + width / 2);
}

function medianOf(all: readonly Uint32Array[]): number {
  const counts = Array.from({ length: BINS }, (_, bin) => all.reduce((sum, gaps) => sum + (gaps[bin] ?? 0), 0));
  const half = counts.reduce((sum, count) => sum + count, 0) / 2;
  let upTo = 0;
  for (const [bin, count] of counts.entries()) {
    upTo += count;
    if (upTo >= half) return middleOf(bin);
  }
  return 0;
}
