import { randomBytes } from "node:crypto";

/** Chance for jitter. Never for secrets. */
export interface Rng {
  /** Uniform in [0, 1). */
  next(): number;
}

export const systemRng: Rng = { next: () => Math.random() };

/** This many secret random bytes as unpadded base64url. */
export const randomText = (bytes: number): string => randomBytes(bytes).toString("base64url");
