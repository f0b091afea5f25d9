import type { Clock } from "@hearth/platform";
import type { Provider } from "../fleet/provider.js";
import type { Affinity } from "./affinity.js";
import type { Health } from "./health.js";
import { isRetraction, type Lease, type Verdict } from "./pick-result.js";
import type { Reputation } from "./reputation/reputation.js";
import type { Traits } from "./traits.js";

/** Remembers how requests went. */
export interface Breaker extends Health {
  /** A request is about to run there. Claims the probe if one is due. @returns whether this request is the probe */
  claim(provider: Provider, traits: Traits): boolean;
  /** @param observedAt when it was seen, ms */
  judge(provider: Provider, traits: Traits, verdict: Verdict, observedAt: number): void;
  /** Tells at once whether the provider had capacity. */
  report(provider: Provider, traits: Traits, sign: "accept" | "refusal", observedAt: number): void;
}

export interface LeaseDeps {
  readonly breaker: Breaker;
  readonly reputation: Pick<Reputation, "judged">;
  readonly affinity: Affinity;
  readonly clock: Clock;
}

/** What a lease is for. */
export interface Terms {
  readonly provider: Provider;
  readonly traits: Traits;
  /** The expected size of prompt and answer, tokens. */
  readonly tokens: number;
  /** The request goes to a provider with an open breaker before its time, to find out whether it has recovered. */
  readonly probes: boolean;
  /** Disposed with the lease. */
  readonly exploring: Disposable | undefined;
}

/** Leases a slot of a provider. */
export function takeLease(deps: LeaseDeps, { provider, traits, tokens, probes, exploring }: Terms): Lease {
  const { breaker, reputation, affinity, clock } = deps;
  const probe = breaker.claim(provider, traits) || probes;
  const slot = provider.acquire(traits.model, tokens);
  let told = false;
  let judged = false;
  return {
    provider: provider.id,
    probe,
    report(sign) {
      // Only once: that a stream goes on says nothing about capacity for another one.
      if (!told) breaker.report(provider, traits, sign, clock.now());
      told = true;
    },
    judge(verdict, at) {
      if (judged && !isRetraction(verdict)) return;
      judged = true;
      reputation.judged({ provider, traits, verdict });
      if (verdict === "success" && traits.conversation !== undefined) {
        affinity.remember(traits.conversation, provider.id);
      }
      // A neutral verdict gives back the probe, so it counts only when it is about the probe itself.
      if ((verdict !== "neutral" && verdict !== "refused_alone") || probe) breaker.judge(provider, traits, verdict, at);
    },
    [Symbol.dispose]() {
      slot[Symbol.dispose]();
      exploring?.[Symbol.dispose]();
    },
  };
}
