import { type Limit, MemoryRateLimiter, type RateLimiter, type Standing } from "../accounts/rate-limiter.js";
import type { RedisConnections } from "./redis.js";
import type { RedisKeys } from "./redis-keys.js";

const MINUTE_MS = 60_000;

export interface RedisRateLimiterDeps {
  readonly redis: Pick<RedisConnections, "commands">;
  readonly keys: RedisKeys;
  readonly clock: ConstructorParameters<typeof MemoryRateLimiter>[0];
  /** Nodes that share the limits, this one included: while Redis is away each lets its part through. */
  readonly nodes: () => number;
  /** Redis answers. */
  readonly isReachable: () => boolean;
}

/** Limits that all nodes count together, by one script. */
export class RedisRateLimiter implements RateLimiter {
  readonly #deps: RedisRateLimiterDeps;
  /** What each node lets through by itself while Redis is away. */
  readonly #alone: MemoryRateLimiter;

  constructor(deps: RedisRateLimiterDeps) {
    this.#deps = deps;
    this.#alone = new MemoryRateLimiter(deps.clock);
  }

  async take(limit: Limit, cost: number): Promise<Standing> {
    const { redis, keys, isReachable } = this.#deps;
    if (!isReachable()) return this.#takeAlone(limit, cost);
    try {
      const [allowed, ahead, moment] = await redis.commands.takeRate(keys.limit(limit.name), limit.perMinute, cost);
      return this.#standing(limit, cost, { allowed: allowed === 1, aheadMs: Number(ahead), moment });
    } catch {
      return this.#takeAlone(limit, cost);
    }
  }

  #standing(
    { name, perMinute }: Limit,
    cost: number,
    {
      allowed,
      aheadMs: resetMs,
      moment,
    }: { readonly allowed: boolean; readonly aheadMs: number; readonly moment: string },
  ): Standing {
    const each = MINUTE_MS / perMinute;
    const asked = Math.min(cost, perMinute);
    const remaining = Math.max(0, Math.floor((MINUTE_MS - resetMs) / each + 1e-6));
    if (!allowed) return { allowed, remaining, resetMs, retryMs: resetMs + asked * each - MINUTE_MS };
    let isOpen = true;
    const cameTo = (really: number): void => {
      const back = isOpen ? asked - really : 0;
      isOpen = false;
      if (back === 0) return;
      const { redis, keys } = this.#deps;
      void redis.commands.returnRate(keys.limit(name), perMinute, back, moment).catch(() => {});
    };
    return { allowed, remaining, resetMs, taken: { cameTo } };
  }

  /** A part of the limit, of which at least one can be taken. */
  #takeAlone({ name, perMinute }: Limit, cost: number): Standing {
    const part = Math.max(1, Math.floor(perMinute / Math.max(1, this.#deps.nodes())));
    return this.#alone.take({ name, perMinute: part }, cost);
  }
}
