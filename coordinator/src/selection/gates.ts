import { GATES, type Gate, LIMITS, type ModelAdvert, type Slot } from "@hearth/protocol";
import { defaultConcurrency, type Provider } from "../fleet/provider.js";
import { isVersionBelow } from "../platform/versions.js";
import { type EvaluationContext, rankOf } from "./evaluation-context.js";
import type { Traits, TriedProvider } from "./traits.js";

/** A set of gates, a bit each, the first gate of the vocabulary the lowest: all of a provider's cost no more than one. */
export type GateSet = number;

/** The bit of each gate. */
export const BIT = {
  allowlist: 1 << 0,
  excluded: 1 << 1,
  not_serving_model: 1 << 2,
  error_cooldown: 1 << 3,
  capacity_cooldown: 1 << 4,
  offline: 1 << 5,
  draining: 1 << 6,
  untrusted: 1 << 7,
  private_only: 1 << 8,
  trust_floor: 1 << 9,
  runtime_unverified: 1 << 10,
  no_encryption_key: 1 << 11,
  challenge_stale: 1 << 12,
  version_floor: 1 << 13,
  template_broken: 1 << 14,
  tools: 1 << 15,
  vision: 1 << 16,
  dialect: 1 << 17,
  slot_crashed: 1 << 18,
  slot_reloading: 1 << 19,
  no_headroom: 1 << 20,
  thermal_critical: 1 << 21,
  model_too_large: 1 << 22,
  free_memory: 1 << 23,
  context_exceeded: 1 << 24,
} as const satisfies Readonly<Record<Gate, GateSet>>;

const when = (closed: boolean, gate: GateSet): GateSet => (closed ? gate : 0);

/** A provider, and what it says of the model that is asked for. */
export interface Subject {
  readonly provider: Provider;
  readonly advert: ModelAdvert | undefined;
  readonly slot: Slot | undefined;
  /** What runs on it for that model. */
  readonly load: number;
}

export function subjectOf(provider: Provider, model: string): Subject {
  const { models, slots } = provider;
  return { provider, advert: models.get(model), slot: slots.get(model), load: provider.load(model) };
}

/**
 * All gates that keep this provider from this request; 0 when it may serve. The one function behind selection,
 * preflight, queue drain and explanations, so that they cannot disagree.
 */
export function closedGates(subject: Subject, context: EvaluationContext): GateSet {
  return (
    scopeGates(subject, context) |
    stateGates(subject, context) |
    trustGates(subject, context) |
    capabilityGates(subject.advert, context) |
    roomGates(subject, context)
  );
}

/** The first gate of a set in the vocabulary's order, the one that a rejection is counted as. */
export function firstOf(gates: GateSet): Gate | undefined {
  return GATES[31 - Math.clz32(gates & -gates)];
}

/** The gates of a set, in the vocabulary's order. */
export function gatesOf(gates: GateSet): readonly Gate[] {
  return GATES.filter((gate) => (gates & BIT[gate]) !== 0);
}

function scopeGates({ provider, advert }: Subject, context: EvaluationContext): GateSet {
  const { allowlist } = context.traits;
  return (
    when(allowlist !== undefined && !allowlist.has(provider.id) && !allowlist.has(provider.serialHash), BIT.allowlist) |
    when(context.tried.size > 0 && isExcluded(provider, advert, context), BIT.excluded) |
    when(advert === undefined, BIT.not_serving_model) |
    when(!lendsTo(provider, context.traits), BIT.private_only)
  );
}

function isExcluded(provider: Provider, advert: ModelAdvert | undefined, context: EvaluationContext): boolean {
  const before = context.tried.get(provider.id);
  if (before !== undefined && !mayTryAgain(provider, before)) return true;
  if (!context.unlikeTried) return false;
  for (const tried of context.tried.values()) if (!differs(provider, advert, tried)) return true;
  return false;
}

/** Once more, where it is another connection, or where nothing had been tried in fact. */
function mayTryAgain(provider: Provider, before: TriedProvider): boolean {
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

/** Whether it may take what the other one refused: another program, backend or context. */
function differs(provider: Provider, advert: ModelAdvert | undefined, tried: TriedProvider): boolean {
  return isOtherProgram(provider, advert, tried) || advert?.context_length !== tried.contextLength;
}

/** Another binary version, or another kind of backend. */
export function isOtherProgram(provider: Provider, advert: ModelAdvert | undefined, tried: TriedProvider): boolean {
  return provider.agentVersion !== tried.agentVersion || advert?.backend?.kind !== tried.backend;
}

function lendsTo(provider: Provider, { route, account }: Traits): boolean {
  const isOwn = provider.account === account;
  switch (provider.lentTo) {
    case "nobody":
      return false;
    case "owner":
      return isOwn;
    case "everyone":
      return route !== "self" || isOwn;
  }
}

function stateGates({ provider, slot }: Subject, { health, traits, now }: EvaluationContext): GateSet {
  const { status } = provider;
  return (
    when(health.isEjected(provider, traits), BIT.error_cooldown) |
    when(health.isCapacityCooled(provider, traits.model), BIT.capacity_cooldown) |
    when(status === "offline", BIT.offline) |
    when(status === "draining", BIT.draining) |
    // One that is away tells its key when it is back.
    when(provider.encryptionKey === undefined && status !== "offline", BIT.no_encryption_key) |
    when(provider.freshUntil <= now, BIT.challenge_stale) |
    when(slot?.state === "crashed", BIT.slot_crashed) |
    when(slot?.state === "reloading", BIT.slot_reloading) |
    when(provider.vitals.thermal === "critical", BIT.thermal_critical)
  );
}

function trustGates({ provider }: Subject, { trustRank, floors, traits }: EvaluationContext): GateSet {
  return (
    when(provider.untrusted, BIT.untrusted) |
    when(trustRank > 0 && rankOf(provider.trust) < trustRank, BIT.trust_floor) |
    when(provider.runtimeUnverified(traits.model), BIT.runtime_unverified) |
    when(floors.length > 0 && isBelowOne(provider.agentVersion, floors), BIT.version_floor)
  );
}

const isBelowOne = (version: string, floors: readonly string[]): boolean =>
  floors.some((floor) => isVersionBelow(version, floor));

function capabilityGates(advert: ModelAdvert | undefined, context: EvaluationContext): GateSet {
  return (
    when(advert?.template_render_ok === false, BIT.template_broken) |
    // Said only where the backend refuses or drops tools; a model that was merely not trained for them may try.
    when(context.wantsTools && advert?.capabilities.tools === false, BIT.tools) |
    when(context.wantsVision && advert?.capabilities.vision !== true, BIT.vision) |
    when(!speaks(advert, context.traits.dialect), BIT.dialect)
  );
}

/** Whether a backend can serve what is asked: a dialect natively, or any chat. An embedding model chats with nobody. */
function speaks(advert: ModelAdvert | undefined, dialect: Traits["dialect"]): boolean {
  switch (dialect) {
    case undefined:
      return advert?.dialects === undefined || advert.dialects.some(chats);
    case "embeddings":
      return advert?.capabilities.embeddings === true;
    case "chat_completions":
    case "completions":
    case "responses":
    case "messages":
      return advert?.dialects?.includes(dialect) === true;
  }
}

const chats = (dialect: string): boolean => dialect !== "embeddings";

function roomGates(subject: Subject, context: EvaluationContext): GateSet {
  const { provider } = subject;
  const loadBytes = bytesToLoad(subject, context);
  const memory = provider.hardware.memory_bytes;
  const free = provider.vitals.memory_free_bytes;
  return (
    when(!hasHeadroom(subject, context), BIT.no_headroom) |
    when(memory > 0 && loadBytes > memory, BIT.model_too_large) |
    when(free !== undefined && loadBytes > free, BIT.free_memory) |
    when(context.traits.leastPromptTokens > promptLimitOf(subject), BIT.context_exceeded)
  );
}

/** Requests this provider may run at once for this model. */
export function concurrencyOf(provider: Provider, model: string): number {
  return provider.slots.get(model)?.max_concurrency ?? defaultConcurrency(provider.hardware.memory_bytes);
}

function hasHeadroom({ provider, slot, load }: Subject, context: EvaluationContext): boolean {
  const { model } = context.traits;
  if (!context.health.believesHeadroom(provider, model)) return false;
  if (provider.backlogBytes > LIMITS.backlogStopsDispatchBytes) return false;
  const concurrency = slot?.max_concurrency ?? defaultConcurrency(provider.hardware.memory_bytes);
  if (load >= concurrency) return false;
  return slot?.budget_max === undefined || fitsBudget(provider, slot, context);
}

/** What is expected of the request, beside all that the backend has promised: a machine with nothing to do takes it. */
function fitsBudget(provider: Provider, slot: Slot, context: EvaluationContext): boolean {
  const { traits, settings } = context;
  const max = slot.budget_max ?? Number.POSITIVE_INFINITY;
  const queued = slot.queued * (settings.gates.queuedPromptTokens + context.typicalAnswerTokens);
  const promised = (slot.budget_used ?? 0) + queued + provider.unreportedTokens(traits.model);
  return promised + Math.min(traits.promptTokens + context.answerTokens, max) <= max;
}

/** Memory that the model and the request would take beyond what is in use, bytes; 0 where the model is loaded. */
function bytesToLoad({ advert, slot }: Subject, { traits, settings, answerTokens }: EvaluationContext): number {
  if (slot !== undefined && slot.state !== "idle_shutdown") return 0;
  const weights = advert?.weights_bytes ?? 0;
  // A backend with a token budget of its own says itself what fits.
  if (slot?.budget_max !== undefined) return weights;
  const tokens = Math.min(traits.promptTokens + answerTokens, advert?.context_length ?? Number.POSITIVE_INFINITY);
  return weights + tokens * settings.gates.cacheBytesPerToken;
}

/** The longest prompt that this backend says it takes, tokens. */
export function promptLimitOf({ advert, slot }: Subject): number {
  return Math.min(advert?.context_length ?? Number.POSITIVE_INFINITY, slot?.budget_max ?? Number.POSITIVE_INFINITY);
}
