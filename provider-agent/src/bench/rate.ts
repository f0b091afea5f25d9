/** Less work tells more of overhead than of speed, tokens; as for what the agent observes of its jobs. */
export const MIN_TOKENS = { prefill: 32, decode: 8 } as const;
/** As the protocol has rates at most. No machine is that fast: a server says so that has read nothing. */
export const MAX_TPS = 1e7;

/** @returns tokens per second; `undefined` where so little work in that time tells nothing */
export function rateOf(kind: keyof typeof MIN_TOKENS, tokens: number, elapsedMs: number): number | undefined {
  if (tokens < MIN_TOKENS[kind] || elapsedMs <= 0) return undefined;
  const tps = (tokens / elapsedMs) * 1_000;
  return tps <= MAX_TPS ? tps : undefined;
}
