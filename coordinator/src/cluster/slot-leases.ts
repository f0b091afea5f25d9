import { type Clock, repeat } from "@hearth/platform";
import type { ProviderId } from "@hearth/protocol";
import type { RedisConnections } from "./redis.js";
import type { RedisKeys } from "./redis-keys.js";

/** A lease lasts so long unless it is renewed, and is renewed so often, ms. */
const LEASE_MS = 30_000;
const RENEW_MS = 10_000;

/** A slot that is wanted of a machine that another node has. */
export interface WantedSlot {
  readonly provider: ProviderId;
  readonly epoch: number;
  readonly model: string;
  /** The attempt that it is for. */
  readonly attempt: string;
}

export type LeaseResult =
  | { readonly type: "leased"; readonly fence: number }
  /** `away` = Redis has not answered. */
  | { readonly type: "refused"; readonly why: "moved" | "draining" | "full" | "away" };

export interface SlotLeasesDeps {
  readonly redis: RedisConnections;
  readonly keys: RedisKeys;
  readonly clock: Clock;
  readonly leaseMs?: number;
  readonly renewMs?: number;
}

/**
 * This node's leases of slots of other nodes' machines. They keep nodes from asking for one slot at once; the node that
 * has the machine counts for itself, so that leases which Redis forgets can cause a refusal and nothing worse.
 */
export class SlotLeases implements Disposable {
  readonly #deps: SlotLeasesDeps;
  readonly #leaseMs: number;
  /** By their set: the attempts that run. */
  readonly #held = new Map<string, Set<string>>();
  readonly #renewal: Disposable;

  constructor(deps: SlotLeasesDeps) {
    this.#deps = deps;
    this.#leaseMs = deps.leaseMs ?? LEASE_MS;
    this.#renewal = repeat(deps.clock, deps.renewMs ?? RENEW_MS, () => this.#renew());
  }

  /** Leases held now. */
  get size(): number {
    return [...this.#held.values()].reduce((sum, { size }) => sum + size, 0);
  }

  /** Never rejects. */
  async reserve({ provider, epoch, model, attempt }: WantedSlot): Promise<LeaseResult> {
    const { redis, keys } = this.#deps;
    const leases = keys.leases(provider, model);
    try {
      const told = await redis.commands.reserveSlot(
        keys.machine(provider),
        leases,
        epoch,
        model,
        attempt,
        this.#leaseMs,
      );
      if (told === "moved" || told === "draining" || told === "full") return { type: "refused", why: told };
      const held = this.#held.get(leases) ?? new Set();
      this.#held.set(leases, held);
      held.add(attempt);
      return { type: "leased", fence: Number(told) };
    } catch {
      // It may have been leased all the same: nobody renews it.
      void redis.commands.releaseSlot(leases, attempt).catch(() => {});
      return { type: "refused", why: "away" };
    }
  }

  /** Gives it back. Where Redis does not hear of it, it ends by itself. */
  release({ provider, model, attempt }: Omit<WantedSlot, "epoch">): void {
    const { redis, keys } = this.#deps;
    const leases = keys.leases(provider, model);
    const held = this.#held.get(leases);
    if (held?.delete(attempt) !== true) return;
    if (held.size === 0) this.#held.delete(leases);
    void redis.commands.releaseSlot(leases, attempt).catch(() => {});
  }

  [Symbol.dispose](): void {
    this.#renewal[Symbol.dispose]();
  }

  #renew(): void {
    for (const [leases, attempts] of this.#held) {
      void this.#deps.redis.commands.renewSlots(leases, this.#leaseMs, ...attempts).catch(() => {});
    }
  }
}
