import { randomInt, randomUUID } from "node:crypto";

/** Time and chance as the child sees them, injected so that tests can fix them. */
export interface Ambient {
  /** A clock that never goes back, ms. */
  monotonicMs(): number;
  /** Seconds since 1970, as OpenAI's `created` wants them. */
  epochSeconds(): number;
  /** A new identifier: the prefix and 32 random hexadecimal digits. */
  id(prefix: string): string;
  /** A sampling seed: 0 to 2³² − 1. */
  seed(): number;
}

export const systemAmbient: Ambient = {
  monotonicMs: () => performance.now(),
  epochSeconds: () => Math.floor(Date.now() / 1000),
  id: (prefix) => prefix + randomUUID().replaceAll("-", ""),
  seed: () => randomInt(2 ** 32),
};
