import type { Clock } from "@hearth/platform";
import type { Provider } from "../fleet/provider.js";
import type { Affinity } from "./affinity.js";
import type { Health } from "./health.js";
import { isRetraction, type Lease, type Verdict } from "./pick-result.js";
import type { Reputation } from "./reputation/reputation.js";
import type { Traits } from "./traits.js";

/** What remembers how requests went. */
export interface Breaker extends Health {
  /** A request is about to run there; claims the probe where one is due. @returns whether this request is the probe */
  claim(provider: Provider, traits: Traits): boolean;
  /** @param observedAt when it was seen, ms */
  judge(provider: Provider, traits: Traits, verdict: Verdict, observedAt: number): void;
  /** What is known of its room at once. */
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
  /** What the request is expected to come to, tokens. */
  readonly tokens: number;
  /** It finds out whether the provider is well again, although nobody had to yet. */
  readonly probes: boolean;
  /** Given back with the place. */
  readonly exploring: Disposable | undefined;
}

/** Takes a place on a provider. */
export function takeLease(deps: LeaseDeps, { provider, traits, tokens, probes, exploring }: Terms): Lease {
  const { breaker, reputation, affinity, clock } = deps;
  const probe = breaker.claim(provider, traits) || probes;
  const place = provider.acquire(traits.model, tokens);
  let told = false;
  let judged = false;
  return {
    provider: provider.id,
    probe,
    report(sign) {
      // Once: that a stream goes on says nothing about room for another.
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
      // Only the probe itself gives the probe back: others may have been running since before it.
      if ((verdict !== "neutral" && verdict !== "refused_alone") || probe) breaker.judge(provider, traits, verdict, at);
    },
    [Symbol.dispose]() {
      place[Symbol.dispose]();
      exploring?.[Symbol.dispose]();
    },
  };
}
