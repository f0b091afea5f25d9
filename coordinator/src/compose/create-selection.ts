import { type Clock, describeFault, type Rng } from "@hearth/platform";
import type { AttemptEnd } from "../dispatch/attempt-deps.js";
import type { HedgeSettings } from "../dispatch/hedge-settings.js";
import { Hedging } from "../dispatch/hedging.js";
import type { OpenAttemptDeps } from "../dispatch/open-attempt.js";
import type { AttemptObserver } from "../dispatch/send-attempt.js";
import type { Registry } from "../fleet/registry.js";
import type { Logger } from "../platform/logger.js";
import type { Metrics } from "../platform/metrics.js";
import { Affinity } from "../selection/affinity.js";
import type { Catalog } from "../selection/catalog.js";
import { Evidence } from "../selection/evidence/evidence.js";
import type { EvidenceSettings } from "../selection/evidence/settings.js";
import { Offers } from "../selection/offers.js";
import { OutlierDetector } from "../selection/outlier.js";
import type { OutlierSettings } from "../selection/outlier-policy.js";
import { createPicker } from "../selection/picker.js";
import type { SelectionSettings } from "../selection/settings.js";
import { WaitQueue } from "../selection/wait-queue.js";

export interface Selection extends Pick<OpenAttemptDeps, "picker" | "queue" | "hedging" | "evidence"> {
  readonly outlier: OutlierDetector;
  readonly offers: Offers;
}

export interface SelectionDeps {
  readonly clock: Clock;
  readonly rng: Rng;
  readonly log: Logger;
  readonly metrics: Metrics;
  readonly registry: Registry;
  // As the operator has them now: read at each use.
  readonly catalog: () => Catalog;
  readonly settings: () => SelectionSettings;
  readonly breaker: () => OutlierSettings;
  readonly evidence: () => EvidenceSettings;
  readonly hedging: () => HedgeSettings;
}

/** Chooses providers: the picker with its breaker, the queue before it, the hedges beside it. */
export function createSelection(deps: SelectionDeps): Selection {
  const { clock, rng, log, metrics, registry, catalog, settings } = deps;
  const evidence = new Evidence(clock, deps.evidence);
  const affinity = new Affinity();
  const outlier = new OutlierDetector({
    clock,
    rng,
    settings: deps.breaker,
    hooks: {
      ejected: (shape) => metrics.cooldowns.inc({ kind: shape }),
      capacityCooled: () => metrics.cooldowns.inc({ kind: "capacity" }),
    },
  });
  const picker = createPicker({
    directory: registry,
    catalog,
    settings,
    outlier,
    expecting: evidence,
    affinity,
    clock,
    rng,
    hooks: {
      looked(look) {
        registry.looked(look);
        if (!look.isFirst) return;
        for (const [gate, { length }] of look.rejected) metrics.gateRejections.inc({ gate }, length);
      },
      decided(provider, score) {
        registry.link(provider)?.work.picked();
        log.debug({ provider, ...score }, "provider chosen");
      },
      servedAlthoughEjected: () => metrics.servedAlthoughEjected.inc(),
    },
  });
  const queueHooks = {
    depth: (total: number) => metrics.queueDepth.set(total),
    waited: (ms: number) => metrics.queueSeconds.observe(ms / 1000),
  };
  const queue = new WaitQueue(picker, clock, queueHooks, () => settings().queue);
  registry.watch(() => queue.drain());
  const hedging = new Hedging({
    picker,
    queue,
    suppressed: (reason) => metrics.hedgesSuppressed.inc({ reason }),
    backupWon: () => metrics.speculativeWins.inc(),
    settings: deps.hedging,
  });
  const offers = new Offers({ directory: registry, catalog, settings, health: outlier, expecting: evidence, clock });
  return { picker, queue, hedging, outlier, evidence, offers };
}

/** Turns attempts into metrics, and what our own code threw over into a line of the log. */
export function observeAttempts(metrics: Metrics, log: Logger): AttemptObserver {
  const usageClamped: AttemptObserver["usageClamped"] = (provider, members) => {
    for (const kind of members) metrics.usageClamped.inc({ kind });
    log.warn({ provider, members }, "a provider's usage cannot be true");
  };
  return {
    started: () => metrics.openStreams.inc(),
    receipt: (outcome) => metrics.proofs.inc({ kind: "receipt", outcome }),
    content: (first, gapMs) => (first ? metrics.ttftSeconds : metrics.interChunkSeconds).observe(gapMs / 1000),
    ended: (role, end) => {
      metrics.openStreams.dec();
      metrics.dispatches.inc({ role, result: dispatchResult(end) });
    },
    usageClamped,
    cancelConfirmed(provider, { spent, clamped }) {
      metrics.tokens.inc({ kind: "cancelled" }, spent?.completion_tokens ?? 0);
      if (clamped.length > 0) usageClamped(provider, clamped);
    },
    undigested(provider, { what, sizeBytes, thrown }) {
      metrics.undigested.inc({ what });
      log.warn({ provider, what, sizeBytes, fault: describeFault(thrown) }, "undigested input of a provider");
    },
  };
}

function dispatchResult(end: AttemptEnd): string {
  switch (end.type) {
    case "completed":
      return "success";
    case "failed":
      if (end.afterContent) return "in_band_error";
      return end.failure.retryable ? "retry_precontent" : "failure";
    case "cancelled":
      return end.reason === "deadline" || end.reason === "stalled" ? "timeout" : "cancelled";
  }
}
