import { type Clock, describeFault, type Fault } from "@hearth/platform";
import type { Outcome } from "../dispatch/types.js";
import type { HearthError } from "../platform/errors.js";
import type { Logger } from "../platform/logger.js";
import type { Metrics } from "../platform/metrics.js";
import type { Reservation } from "./admit.js";

export interface SettleDeps {
  readonly clock: Clock;
  readonly metrics: Metrics;
}

/** Closes the books on a request: called exactly once for each reservation. */
export function settle(deps: SettleDeps, log: Logger, reservation: Reservation, outcome: Outcome): void {
  reservation[Symbol.dispose]();
  const result = resultOf(outcome);
  const durationMs = deps.clock.now() - reservation.admittedAt;
  deps.metrics.requests.inc({ result });
  deps.metrics.requestSeconds.observe(durationMs / 1000);
  if (outcome.type === "success") {
    deps.metrics.tokens.inc({ kind: "prompt" }, outcome.usage.prompt_tokens);
    deps.metrics.tokens.inc({ kind: "completion" }, outcome.usage.completion_tokens);
  }
  log.info({ result, durationMs: Math.round(durationMs), ...factsOf(outcome) }, "request ended");
}

function resultOf(outcome: Outcome): string {
  if (outcome.type !== "failed") return outcome.type;
  return outcome.committed ? "in_band_error" : "failure";
}

function factsOf(outcome: Outcome): object {
  switch (outcome.type) {
    case "success":
      return { usage: outcome.usage };
    case "failed":
      return { code: outcome.error.code, status: outcome.error.details.status, fault: faultOf(outcome.error) };
    case "cancelled":
      return { reason: outcome.reason };
  }
}

/** Only what is our own failure has something to look into. */
function faultOf(error: HearthError): Fault | undefined {
  return error.code === "internal" ? describeFault(error.cause) : undefined;
}
