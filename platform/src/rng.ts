/** Chance for decisions (choice among equals, jitter). Never for secrets. */
export interface Rng {
  /** Uniform in [0, 1). */
  next(): number;
}

/** The runtime's own generator. */
export const systemRng: Rng = { next: () => Math.random() };

/** A reproducible generator (mulberry32) for tests and the simulator. */
export function seededRng(seed: number): Rng {
  let state = seed >>> 0;
  return {
    next() {
      state = (state + 0x6d2b79f5) >>> 0;
      let mixed = Math.imul(state ^ (state >>> 15), state | 1);
      mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
      return ((mixed ^ (mixed >>> 14)) >>> 0) / 0x1_0000_0000;
    },
  };
}
