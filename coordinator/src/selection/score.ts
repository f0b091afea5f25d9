import type { Provider, Vitals } from "../fleet/provider.js";
import type { EvaluationContext } from "./evaluation-context.js";
import type { ExpectationTerms, Expecting } from "./expecting.js";
import { promptLimitOf, type Subject } from "./gates.js";
import { estimateRates } from "./hardware-estimate.js";

/** What a provider is expected to cost a request, in milliseconds, by term. */
export interface ScoreTerms extends ExpectationTerms {
  /** Requests that wait in its backend. */
  readonly queue: number;
  /** Requests of ours that run there. */
  readonly pending: number;
  /** Writing the answer. */
  readonly decode: number;
  readonly health: number;
  readonly reputation: number;
  /** It is somebody else's, and the caller's own go first. */
  readonly owner: number;
}

/** A provider's score for a request; lower is better. The terms add up to the total; a decision is logged as them. */
export interface Score {
  readonly total: number;
  readonly terms: ScoreTerms;
}

/** A provider that may serve, with what there is to choose by. Its terms are worked out for who is chosen. */
export interface Candidate extends Subject {
  /** Estimated cost, ms; lower is better. */
  readonly total: number;
  readonly expectation: Expected;
  /** Requests of ours that run there. */
  readonly pending: number;
  /** The prompt may be too long for it: it is known to be within its limit only by the least that it may come to. */
  readonly tight: boolean;
}

type Expected = ReturnType<Expecting["expect"]>;

/** Scores one provider for one request. */
export function score(subject: Subject, context: EvaluationContext): Candidate {
  const { provider, advert, slot, load } = subject;
  const { traits, expecting } = context;
  const expectation = expecting.expect(provider, traits);
  const pending = provider.inFlight(traits.model);
  const total =
    expectation.expectedMs +
    queueMs(subject, context) +
    pendingMs(pending, context) +
    decodeMs(subject, context) +
    healthMs(provider.vitals, context) +
    expecting.reputationMs(provider, traits.model) +
    ownerMs(provider, context);
  const tight = traits.promptTokens > promptLimitOf(subject);
  return { provider, advert, slot, load, total, expectation, pending, tight };
}

/** The terms of a score. */
export function termsOf(candidate: Candidate, context: EvaluationContext): ScoreTerms {
  const { provider, expectation, pending } = candidate;
  const { connect, load, ahead, prefill, censored } = expectation.terms;
  return {
    connect,
    load,
    ahead,
    prefill,
    censored,
    queue: queueMs(candidate, context),
    pending: pendingMs(pending, context),
    decode: decodeMs(candidate, context),
    health: healthMs(provider.vitals, context),
    reputation: context.expecting.reputationMs(provider, context.traits.model),
    owner: ownerMs(provider, context),
  };
}

const queueMs = ({ slot }: Subject, { settings }: EvaluationContext): number =>
  slot === undefined ? 0 : slot.queued * settings.score.queueMs;

const pendingMs = (pending: number, { settings }: EvaluationContext): number => pending * settings.score.pendingMs;

/** At the rate that one more request would get. */
function decodeMs({ provider, slot, load }: Subject, context: EvaluationContext): number {
  const { assumedDecodeTps, decodeInterference } = context.settings.score;
  const alone = slot?.decode_tps || estimateRates(provider, context.traits.model)?.decodeTps || assumedDecodeTps;
  return (context.answerTokens / alone) * (1 + decodeInterference * load) * 1000;
}

function healthMs(vitals: Vitals, { settings }: EvaluationContext): number {
  const table = settings.score;
  return (
    (vitals.memory_pressure ?? 0) * table.memoryPressureMs +
    (vitals.cpu_load ?? 0) * table.cpuLoadMs +
    (vitals.gpu_load ?? 0) * table.gpuLoadMs +
    table.thermalMs[vitals.thermal ?? "nominal"]
  );
}

function ownerMs(provider: Provider, { traits, settings }: EvaluationContext): number {
  return traits.route === "prefer" && provider.account !== traits.account ? settings.score.foreignOwnerMs : 0;
}
