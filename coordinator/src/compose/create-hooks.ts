import type { ProofFailure } from "@hearth/attestation";
import { describeFault } from "@hearth/platform";
import type { AttemptEnd } from "../dispatch/attempt-deps.js";
import type { AttemptObserver } from "../dispatch/send-attempt.js";
import type { EnrolmentEvent } from "../enrolment/enrolment-events.js";
import type { Registry } from "../fleet/registry.js";
import { cached } from "../platform/cached.js";
import type { Logger } from "../platform/logger.js";
import type { Metrics } from "../platform/metrics.js";
import type { SettleHooks } from "../request/settle.js";
import type { Reputation } from "../selection/reputation/reputation.js";
import type { FleetHooks } from "./create-fleet.js";
import type { SelectionHooks } from "./create-selection.js";

export interface HookDeps {
  readonly metrics: Metrics;
  readonly log: Logger;
  readonly registry: Registry;
  readonly reputation: Pick<Reputation, "add">;
}

/** What was to be proved, and what came of it. */
type ProofKind = "attestation" | "challenge" | "key_update" | "receipt";
type ProofOutcome = "ok" | "missed" | "unexpected" | ProofFailure;

/** What the parts of a coordinator tell, as metrics and lines of the log. */
export interface Hooks {
  readonly selection: SelectionHooks;
  readonly fleet: Omit<FleetHooks, "connectionLost">;
  readonly attempts: AttemptObserver;
  readonly settled: SettleHooks;
  proved(kind: ProofKind, outcome: ProofOutcome): void;
  enrolment(event: EnrolmentEvent): void;
  receiptLost(): void;
  usageLost(): void;
}

export function createHooks(deps: HookDeps): Hooks {
  const { metrics } = deps;
  const proved = (kind: ProofKind, outcome: ProofOutcome): void => metrics.proofs.inc({ kind, outcome });
  return {
    selection: selectionHooks(deps),
    fleet: fleetHooks(deps, proved),
    attempts: observeAttempts(deps),
    settled: settledHooks(metrics),
    proved,
    enrolment: (event) => metrics.enrolments.inc({ event }),
    receiptLost: () => metrics.receiptsLost.inc(),
    usageLost: () => metrics.usageLost.inc(),
  };
}

function settledHooks({ requests, requestSeconds, tokens }: Metrics): SettleHooks {
  const requestsOf = cached((result: string) => requests.labels({ result }));
  const tokensOf = cached((kind: string) => tokens.labels({ kind }));
  return {
    ended(result, durationMs) {
      requestsOf(result).inc();
      requestSeconds.observe(durationMs / 1000);
    },
    tokens: (kind, count) => tokensOf(kind).inc(count),
  };
}

function selectionHooks({ metrics, log, registry }: HookDeps): SelectionHooks {
  return {
    picker: {
      looked(look) {
        registry.looked(look);
        if (!look.isFirst) return;
        for (const [gate, { length }] of look.rejected) metrics.gateRejections.inc({ gate }, length);
      },
      decided(provider, score) {
        registry.link(provider)?.work.picked();
        log.debug({ provider, ...score }, "provider chosen");
      },
      servedAlthoughOpen: () => metrics.servedAlthoughOpen.inc(),
    },
    breaker: {
      opened: (shape) => metrics.cooldowns.inc({ kind: shape }),
      capacityCooled: () => metrics.cooldowns.inc({ kind: "capacity" }),
    },
    queue: {
      depth: (total) => metrics.queueDepth.set(total),
      waited: (ms) => metrics.queueSeconds.observe(ms / 1000),
    },
    hedging: {
      suppressed: (reason) => metrics.hedgesSuppressed.inc({ reason }),
      backupWon: () => metrics.speculativeWins.inc(),
    },
  };
}

function fleetHooks(
  { metrics, log, registry }: HookDeps,
  proved: FleetHooks["proved"],
): Omit<FleetHooks, "connectionLost"> {
  return {
    registered(session) {
      metrics.providers.set(registry.size);
      const { id: provider, name, models } = session;
      log.info({ provider, name, models: [...models.keys()] }, "provider registered");
    },
    refused: () => metrics.connectionsClosed.inc({ reason: "too_many_connections" }),
    gone(session, reason) {
      metrics.providers.set(registry.size);
      metrics.connectionsClosed.inc({ reason });
      log.info({ provider: session.id, reason }, "provider gone");
    },
    unknownFrame: () => metrics.unknownFrames.inc(),
    overRate: (kind) => metrics.rateLimitedFrames.inc({ kind }),
    undigested(session, what, sizeBytes, thrown) {
      metrics.undigested.inc({ what });
      log.error(
        { provider: session.id, what, sizeBytes, fault: describeFault(thrown) },
        "undigested input of a provider",
      );
    },
    proved,
  };
}

/** Turns attempts into metrics, and what our own code threw over into a line of the log. */
export function observeAttempts({ metrics, log, reputation }: Omit<HookDeps, "registry">): AttemptObserver {
  const usageClamped: AttemptObserver["usageClamped"] = (provider, members) => {
    for (const kind of members) metrics.usageClamped.inc({ kind });
    reputation.add(provider, "false_usage");
    log.warn({ provider, members }, "a provider's usage cannot be true");
  };
  const dispatchesOf = cached((role: string) =>
    cached((result: string) => metrics.dispatches.labels({ role, result })),
  );
  const receiptsOf = cached((outcome: string) => metrics.proofs.labels({ kind: "receipt", outcome }));
  return {
    started: () => metrics.openStreams.inc(),
    receipt: (outcome) => receiptsOf(outcome).inc(),
    content: (first, gapMs) => (first ? metrics.ttftSeconds : metrics.interChunkSeconds).observe(gapMs / 1000),
    ended(role, end, attempt) {
      metrics.openStreams.dec();
      dispatchesOf(role)(dispatchResult(end)).inc();
      if (end.type !== "failed") return;
      metrics.failuresOfProviders.add([attempt.provider, end.failure.code]);
      const level = end.failure.faulty ? "warn" : "info";
      log[level]({ role, ...attempt, ...failureFacts(end) }, "attempt failed");
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

function failureFacts({ failure, afterContent }: Extract<AttemptEnd, { type: "failed" }>): object {
  const { code, progress, retryable, faulty, status } = failure;
  return { code, status, stage: afterContent ? "content" : progress, retryable, faulty };
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
