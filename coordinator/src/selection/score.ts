import type { Provider } from "../fleet/provider.js";
import type { Contender } from "./contenders.js";
import type { EvaluationContext } from "./evaluation-context.js";
import type { ExpectationTerms, ScoreTerms } from "./score-terms.js";
import type { ScoreSettings } from "./settings.js";
import type { Subject } from "./subject.js";

/** Scores one provider for one request, and notes in the contender what the choice goes by. */
export function score(contender: Contender, context: EvaluationContext): void {
  const { forecast } = contender;
  const { now, traits, settings } = context;
  const { promptTokens } = traits;
  if (contender.priced !== settings.score) price(contender, settings.score);
  const censoredMs = forecast.censoredMs(promptTokens, now);
  const expectedMs = forecast.waitMs(promptTokens) + censoredMs;
  contender.expectedMs = expectedMs;
  contender.censoredMs = censoredMs;
  contender.byDefault = censoredMs === 0 && forecast.isAssumed;
  contender.tight = promptTokens > contender.promptLimit;
  contender.total =
    expectedMs +
    contender.restMs +
    context.answerTokens * contender.tokenMs +
    forecast.reputationMs(now) +
    ownerMs(contender.provider, context);
}

/** Computes the part of the score that is the same for all requests. */
function price(contender: Contender, settings: ScoreSettings): void {
  contender.restMs = queueMs(contender, settings) + pendingMs(contender, settings) + healthMs(contender, settings);
  contender.tokenMs = tokenMs(contender, settings);
  contender.priced = settings;
}

/** The terms of a score: those of the expectation, and selection's own. */
export function termsOf(
  contender: Contender,
  { connect, load, ahead, prefill, censored }: ExpectationTerms,
  context: EvaluationContext,
): ScoreTerms {
  const { now, settings, answerTokens } = context;
  return {
    connect,
    load,
    ahead,
    prefill,
    censored,
    queue: queueMs(contender, settings.score),
    pending: pendingMs(contender, settings.score),
    decode: answerTokens * tokenMs(contender, settings.score),
    health: healthMs(contender, settings.score),
    reputation: contender.forecast.reputationMs(now),
    owner: ownerMs(contender.provider, context),
  };
}

const queueMs = ({ queued }: Subject, settings: ScoreSettings): number => queued * settings.queueMs;

const pendingMs = ({ pending }: Subject, settings: ScoreSettings): number => pending * settings.pendingMs;

/** Time for each token of an answer, at the rate that one more request would get, ms. */
function tokenMs({ decodeTps, load }: Subject, { assumedDecodeTps, decodeInterference }: ScoreSettings): number {
  return (1_000 / (decodeTps || assumedDecodeTps)) * (1 + decodeInterference * load);
}

function healthMs({ vitals }: Subject, settings: ScoreSettings): number {
  return (
    (vitals.memory_pressure ?? 0) * settings.memoryPressureMs +
    (vitals.cpu_load ?? 0) * settings.cpuLoadMs +
    (vitals.gpu_load ?? 0) * settings.gpuLoadMs +
    settings.thermalMs[vitals.thermal ?? "nominal"]
  );
}

function ownerMs(provider: Provider, { traits, settings }: EvaluationContext): number {
  return traits.route === "prefer" && provider.account !== traits.account ? settings.score.foreignOwnerMs : 0;
}
