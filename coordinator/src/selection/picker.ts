import type { Clock, Rng } from "@hearth/platform";
import type { Gate, ProviderId } from "@hearth/protocol";
import type { Provider } from "../fleet/provider.js";
import type { Catalog } from "./catalog.js";
import { type GateContext, gateAgainst } from "./gates.js";
import { whyNobody } from "./ladder.js";
import type { OutlierDetector } from "./outlier.js";
import type { Expectation, Lease, PickResult } from "./pick-result.js";
import { SCORE_TABLE, type Score, score } from "./score.js";
import type { Search, Traits, Tried } from "./traits.js";

export interface Picker {
  /** Chooses synchronously among the providers as they are known now, and takes a place on the chosen one. */
  pick(search: Search, look?: Look): PickResult;
}

/** Whether somebody is looked for the first time, or again because nobody had room. Default `first`. */
export type Look = "first" | "again";

export interface PickerHooks {
  /** A gate is against this provider. Told at the first look only: how often somebody waits looks is no request's doing. */
  rejected(provider: ProviderId, gate: Gate): void;
  /** Nothing was against this provider, and another one was chosen. */
  lost(provider: ProviderId): void;
  decided(provider: ProviderId, score: Score): void;
}

export interface PickerDeps {
  readonly providers: () => Iterable<Provider>;
  readonly catalog: Catalog;
  readonly outlier: OutlierDetector;
  readonly clock: Clock;
  readonly rng: Rng;
  readonly hooks: PickerHooks;
}

/** Gates → score → choose → lease. */
export function createPicker(deps: PickerDeps): Picker {
  return {
    pick({ traits, tried }, look = "first") {
      const { candidates, context } = eligible(deps, { traits, tried, look });
      const chosen = choose(preferOtherVersions(candidates, tried), traits, deps.rng);
      if (chosen === undefined) return whyNobody(deps.providers(), context);
      for (const each of candidates) if (each !== chosen) deps.hooks.lost(each.provider.id);
      deps.hooks.decided(chosen.provider.id, chosen.score);
      const lease = takeLease(deps, chosen.provider, traits);
      return { type: "picked", provider: chosen.provider.id, lease, expectation: NO_EVIDENCE };
    },
  };
}

/** What is expected of a machine of which nothing is known, ms. */
const NO_EVIDENCE: Expectation = { expectedMs: 5_000, estimateMs: 10_000, byDefault: true };

interface Candidate {
  readonly provider: Provider;
  readonly score: Score;
}

interface Eligible {
  readonly candidates: readonly Candidate[];
  readonly context: GateContext;
}

/** Everyone no gate is against. */
function eligible(deps: PickerDeps, { traits, tried, look }: Search & { readonly look: Look }): Eligible {
  const context: GateContext = {
    traits,
    tried,
    catalog: deps.catalog,
    health: deps.outlier,
    now: deps.clock.now(),
  };
  return { candidates: gated(deps, context, look), context };
}

function gated(deps: PickerDeps, context: GateContext, look: Look): readonly Candidate[] {
  const candidates: Candidate[] = [];
  for (const provider of deps.providers()) {
    const gate = gateAgainst(provider, context);
    if (gate === undefined) candidates.push({ provider, score: score(provider, context.traits) });
    else if (look === "first") deps.hooks.rejected(provider.id, gate);
  }
  return candidates;
}

function preferOtherVersions(candidates: readonly Candidate[], tried: Tried): readonly Candidate[] {
  if (tried.size === 0) return candidates;
  const failed = [...tried.values()].filter(({ state }) => state === "failed");
  const failedVersions = new Set(failed.map(({ agentVersion }) => agentVersion));
  const others = candidates.filter((each) => !failedVersions.has(each.provider.agentVersion));
  return others.length > 0 ? others : candidates;
}

/** Among those within a tie of the best: least queue, then least pending, then chance. */
function choose(candidates: readonly Candidate[], traits: Traits, rng: Rng): Candidate | undefined {
  if (candidates.length < 2) return candidates[0];
  const best = Math.min(...candidates.map((each) => each.score.total));
  const tied = candidates.filter((each) => each.score.total <= best + SCORE_TABLE.tieMs);
  const leastQueue = leastBy(tied, (each) => each.provider.slots.get(traits.model)?.queued ?? 0);
  const leastPending = leastBy(leastQueue, (each) => each.provider.inFlight(traits.model));
  return leastPending[Math.floor(rng.next() * leastPending.length)];
}

function leastBy(candidates: readonly Candidate[], measure: (candidate: Candidate) => number): readonly Candidate[] {
  const least = Math.min(...candidates.map(measure));
  return candidates.filter((each) => measure(each) === least);
}

function takeLease({ outlier, clock }: PickerDeps, provider: Provider, traits: Traits): Lease {
  const probe = outlier.claim(provider, traits);
  const place = provider.acquire(traits.model, traits.promptTokens + traits.maxTokens);
  let told = false;
  let judged = false;
  return {
    provider: provider.id,
    probe,
    report(sign) {
      // Once: that a stream goes on says nothing about room for another.
      if (!told) outlier.report(provider, traits, sign, clock.now());
      told = true;
    },
    judge(verdict, at) {
      if (judged && verdict !== "retraction") return;
      judged = true;
      // Only the probe itself gives the probe back: others may have been running since before it.
      if (verdict !== "neutral" || probe) outlier.judge(provider, traits, verdict, at);
    },
    [Symbol.dispose]: () => place[Symbol.dispose](),
  };
}
