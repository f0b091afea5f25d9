import type { ModelAdvert } from "@hearth/protocol";
import type { Provider } from "../fleet/provider.js";
import { type EvaluationContext, rankOf } from "./evaluation-context.js";
import { BIT, type GateSet, when } from "./gate-set.js";
import { chats, openingGates, type Subject } from "./subject.js";
import { type PastAttempt, type Traits, wantsTools, wantsVision } from "./traits.js";

/**
 * All gates that keep this provider from this request; 0 when it may serve. The one function behind selection,
 * preflight, queue drain and explanations, so that they cannot disagree.
 */
export function closedGates(subject: Subject, context: EvaluationContext): GateSet {
  return (
    subject.settled |
    (subject.isChanging ? changingGates(subject, context) : 0) |
    (context.isParticular ? requestGates(subject, context) : 0) |
    healthGates(subject.provider, context) |
    when(!speaks(subject, context.traits.dialect), BIT.dialect) |
    when(context.traits.leastPromptTokens > subject.promptLimit, BIT.context_exceeded)
  );
}

/** Gates that may close with time or with any request. Only machines marked `isChanging` have them. */
function changingGates(subject: Subject, context: EvaluationContext): GateSet {
  const { provider } = subject;
  return (
    openingGates(provider) |
    when(subject.isPrivate && provider.account !== context.traits.account, BIT.private_only) |
    when(subject.freshUntil <= context.now, BIT.challenge_stale) |
    when(!fitsBudget(subject, context), BIT.no_headroom) |
    (subject.isLoaded ? 0 : memoryGates(subject, context))
  );
}

/** Gates that only particular requests can meet (`EvaluationContext.isParticular`). */
function requestGates({ provider, advert }: Subject, context: EvaluationContext): GateSet {
  const { traits, trustRank, versions } = context;
  const { allowlist } = traits;
  return (
    when(allowlist !== undefined && !allowlist.has(provider.id) && !allowlist.has(provider.serialHash), BIT.allowlist) |
    when(context.isSwitchedOff, BIT.model_disabled) |
    when(context.history.size > 0 && isExcluded(provider, advert, context), BIT.excluded) |
    when(traits.route === "self" && provider.account !== traits.account, BIT.private_only) |
    when(trustRank > 0 && rankOf(provider.trust) < trustRank, BIT.trust_floor) |
    when(versions?.isBelow(provider.agentVersion) === true, BIT.version_floor) |
    abilityGates(advert, context)
  );
}

/** Whether, by the advert of its model, a machine can never do what is asked. */
export function neverDoes(advert: ModelAdvert, traits: Traits): boolean {
  const asked = { traits, wantsTools: wantsTools(traits.shape), wantsVision: wantsVision(traits.shape) };
  return abilityGates(advert, asked) !== 0 || !speaks({ advert, chats: chats(advert) }, traits.dialect);
}

function abilityGates(
  advert: ModelAdvert | undefined,
  { traits, wantsTools, wantsVision }: Pick<EvaluationContext, "traits" | "wantsTools" | "wantsVision">,
): GateSet {
  const { structuredOutput = false, logprobs = false } = traits;
  return (
    // `false` means that the backend refuses or drops tools. A model that was only not trained for them may try.
    when(wantsTools && advert?.capabilities.tools === false, BIT.tools) |
    when(wantsVision && advert?.capabilities.vision !== true, BIT.vision) |
    when(structuredOutput && advert?.capabilities.structured_output === false, BIT.structured_output) |
    when(logprobs && advert?.capabilities.logprobs === false, BIT.logprobs)
  );
}

function isExcluded(provider: Provider, advert: ModelAdvert | undefined, context: EvaluationContext): boolean {
  const before = context.history.get(provider.id);
  if (before !== undefined && !mayTryAgain(provider, before)) return true;
  if (!context.unlikeEarlier) return false;
  for (const past of context.history.values()) if (!differs(provider, advert, past)) return true;
  return false;
}

/** A provider may be tried again after it has reconnected, or when it had refused before any work. */
function mayTryAgain(provider: Provider, before: PastAttempt): boolean {
  if (before.times >= 2) return false;
  switch (before.state) {
    case "running":
      return false;
    case "failed":
      return provider.connectedAt > before.connectedAt;
    case "refused_before_work":
      return true;
  }
}

/** Whether it differs from a provider that was tried, in program, backend or context, so that it may do better. */
function differs(provider: Provider, advert: ModelAdvert | undefined, past: PastAttempt): boolean {
  return isOtherProgram(provider, advert, past) || advert?.context_length !== past.contextLength;
}

/** Another binary version, or another kind of backend. */
export function isOtherProgram(provider: Provider, advert: ModelAdvert | undefined, past: PastAttempt): boolean {
  return provider.agentVersion !== past.agentVersion || advert?.backend?.kind !== past.backend;
}

function healthGates(provider: Provider, { health, traits }: EvaluationContext): GateSet {
  if (!health.isSuspect(provider.id)) return 0;
  return (
    when(health.isOpen(provider, traits), BIT.error_cooldown) |
    when(health.isCapacityCooled(provider, traits.model), BIT.capacity_cooldown) |
    when(!health.believesHeadroom(provider, traits.model), BIT.no_headroom)
  );
}

/** Whether a backend can serve the request: in the dialect that it demands, else by any chat. */
function speaks({ advert, chats }: Pick<Subject, "advert" | "chats">, dialect: Traits["dialect"]): boolean {
  switch (dialect) {
    case undefined:
      return chats;
    case "embeddings":
      return advert?.capabilities.embeddings === true;
    case "chat_completions":
    case "completions":
    case "responses":
    case "messages":
      return advert?.dialects?.includes(dialect) === true;
  }
}

/** Whether the request fits the backend's token budget beside what it has promised. An idle machine always takes it. */
function fitsBudget({ slot, budgetTokens, queued, unreportedTokens }: Subject, context: EvaluationContext): boolean {
  if (budgetTokens === Number.POSITIVE_INFINITY) return true;
  const { traits, settings } = context;
  const waiting = queued * (settings.gates.queuedPromptTokens + context.typicalAnswerTokens);
  const promised = (slot?.budget_used ?? 0) + waiting + unreportedTokens;
  return promised + Math.min(traits.promptTokens + context.answerTokens, budgetTokens) <= budgetTokens;
}

/** Whether a model that is not loaded yet would fit into the machine's memory, with the request's cache. */
function memoryGates(subject: Subject, context: EvaluationContext): GateSet {
  const { hardware } = subject.provider;
  const { memory_free_bytes: free } = subject.vitals;
  const loadBytes = bytesToLoad(subject, context);
  return (
    when(hardware.memory_bytes > 0 && loadBytes > hardware.memory_bytes, BIT.model_too_large) |
    when(free !== undefined && loadBytes > free, BIT.free_memory)
  );
}

function bytesToLoad({ advert, budgetTokens }: Subject, context: EvaluationContext): number {
  const weights = advert?.weights_bytes ?? 0;
  // A backend with a token budget of its own looks after its cache itself.
  if (budgetTokens !== Number.POSITIVE_INFINITY) return weights;
  const { traits, settings, answerTokens } = context;
  const tokens = Math.min(traits.promptTokens + answerTokens, advert?.context_length ?? Number.POSITIVE_INFINITY);
  return weights + tokens * settings.gates.cacheBytesPerToken;
}
