import { GATES, type Gate, LIMITS, type ModelAdvert, type Slot, TRUST_LEVELS, type TrustLevel } from "@hearth/protocol";
import { defaultConcurrency, type Provider } from "../fleet/provider.js";
import { isVersionBelow } from "../platform/versions.js";
import type { Catalog } from "./catalog.js";
import type { Health } from "./health.js";
import { type Traits, type Tried, wantsTools, wantsVision } from "./traits.js";

/** Everything the gates look at besides the provider. */
export interface GateContext {
  readonly traits: Traits;
  readonly tried: Tried;
  readonly catalog: Catalog;
  readonly health: Health;
  readonly now: number;
}

/** Bytes of key-value cache a token is taken to need where a backend reports no token budget. */
const KV_BYTES_PER_TOKEN = 400_000;

/**
 * The first gate that keeps this provider from this request, or `undefined` when it may serve. The one function behind
 * selection, preflight and queue drain, so that they cannot disagree.
 */
export function gateAgainst(provider: Provider, context: GateContext): Gate | undefined {
  for (const gate of GATES) if (REJECTS[gate](provider, context)) return gate;
  return undefined;
}

/** All gates that keep this provider from this request: what would have to change. */
export function gatesAgainst(provider: Provider, context: GateContext): readonly Gate[] {
  return GATES.filter((gate) => REJECTS[gate](provider, context));
}

type Rejects = (provider: Provider, context: GateContext) => boolean;

const REJECTS: Readonly<Record<Gate, Rejects>> = {
  allowlist: (provider, { traits }) =>
    traits.allowlist !== undefined && !traits.allowlist.has(provider.id) && !traits.allowlist.has(provider.serialHash),
  excluded: (provider, { tried }) => tried.has(provider.id),
  not_serving_model: (provider, { traits }) => !provider.models.has(traits.model),
  error_cooldown: (provider, { health, traits }) => health.isEjected(provider, traits),
  capacity_cooldown: (provider, { health, traits }) => health.isCapacityCooled(provider, traits.model),
  offline: (provider) => provider.status === "offline",
  draining: (provider) => provider.status === "draining",
  untrusted: (provider) => provider.untrusted,
  private_only: (provider, { traits }) => !lendsTo(provider, traits),
  trust_floor: (provider, { catalog, traits }) =>
    isBelow(provider.trust, catalog.trustMinimum) ||
    (traits.minTrust !== undefined && isBelow(provider.trust, traits.minTrust)),
  runtime_unverified: (provider, { traits }) => provider.runtimeUnverified(traits.model),
  // One that is away tells its key when it is back.
  no_encryption_key: (provider) => provider.encryptionKey === undefined && provider.status !== "offline",
  challenge_stale: (provider, { now }) => provider.freshUntil <= now,
  version_floor: belowFloor,
  template_broken: (provider, { traits }) => provider.models.get(traits.model)?.template_render_ok === false,
  // Said only where the backend refuses or drops tools; a model that was merely not trained for them may try.
  tools: (provider, { traits }) =>
    wantsTools(traits.shape) && provider.models.get(traits.model)?.capabilities.tools === false,
  vision: (provider, { traits }) =>
    wantsVision(traits.shape) && provider.models.get(traits.model)?.capabilities.vision !== true,
  dialect: (provider, { traits }) => !speaks(provider.models.get(traits.model), traits.dialect),
  slot_crashed: (provider, context) => slotOf(provider, context)?.state === "crashed",
  slot_reloading: (provider, context) => slotOf(provider, context)?.state === "reloading",
  no_headroom: (provider, context) => !hasHeadroom(provider, context),
  thermal_critical: (provider) => provider.vitals.thermal === "critical",
  model_too_large: (provider, context) => !fitsMemory(provider, context),
  free_memory: (provider, context) => !fitsFreeMemory(provider, context),
  context_exceeded: (provider, { traits }) =>
    traits.promptTokens > (provider.models.get(traits.model)?.context_length ?? Number.POSITIVE_INFINITY),
};

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

const isBelow = (level: TrustLevel, floor: TrustLevel): boolean =>
  TRUST_LEVELS.indexOf(level) < TRUST_LEVELS.indexOf(floor);

/** Whether a backend can serve what is asked: a dialect natively, or any chat. An embedding model chats with nobody. */
function speaks(model: ModelAdvert | undefined, dialect: Traits["dialect"]): boolean {
  switch (dialect) {
    case undefined:
      return model?.dialects === undefined || model.dialects.some((each) => each !== "embeddings");
    case "embeddings":
      return model?.capabilities.embeddings === true;
    case "chat_completions":
    case "completions":
    case "responses":
    case "messages":
      return model?.dialects?.includes(dialect) === true;
  }
}

function slotOf(provider: Provider, { traits }: GateContext): Slot | undefined {
  return provider.slots.get(traits.model);
}

function belowFloor(provider: Provider, { traits, catalog }: GateContext): boolean {
  const below = (floor: string | undefined): boolean =>
    floor !== undefined && isVersionBelow(provider.agentVersion, floor);
  const { base, tools, vision } = catalog.versionFloors;
  if (below(base)) return true;
  if (wantsVision(traits.shape) && below(vision)) return true;
  return wantsTools(traits.shape) && below(tools);
}

/** Requests this provider may run at once for this model. */
export function concurrencyOf(provider: Provider, model: string): number {
  return provider.slots.get(model)?.max_concurrency ?? defaultConcurrency(provider.hardware.memory_bytes);
}

function hasHeadroom(provider: Provider, context: GateContext): boolean {
  const { traits, health } = context;
  if (!health.believesHeadroom(provider, traits.model)) return false;
  if (provider.backlogBytes > LIMITS.backlogStopsDispatchBytes) return false;
  if (provider.load(traits.model) >= concurrencyOf(provider, traits.model)) return false;
  const slot = slotOf(provider, context);
  if (slot?.budget_max === undefined) return true;
  const promised = (slot.budget_used ?? 0) + provider.unreportedTokens(traits.model);
  return promised + traits.promptTokens + traits.maxTokens <= slot.budget_max;
}

function weightsOf(provider: Provider, { traits }: GateContext): number {
  return provider.models.get(traits.model)?.weights_bytes ?? 0;
}

/** What the request's tokens need at most: no model remembers more than its context. */
function cacheBytes(provider: Provider, { traits }: GateContext): number {
  const context = provider.models.get(traits.model)?.context_length ?? Number.POSITIVE_INFINITY;
  return Math.min(traits.promptTokens + traits.maxTokens, context) * KV_BYTES_PER_TOKEN;
}

/** Whether this machine, empty, could ever hold the model and the request. */
function fitsMemory(provider: Provider, context: GateContext): boolean {
  const { traits } = context;
  const memory = provider.hardware.memory_bytes;
  const weights = weightsOf(provider, context);
  // A backend with a token budget of its own says itself what fits.
  const budget = slotOf(provider, context)?.budget_max;
  if (budget !== undefined) {
    return traits.promptTokens + traits.maxTokens <= budget && (memory === 0 || weights <= memory);
  }
  // Where no free memory is reported, the gate that counts tokens against it lets everything through: so does this.
  const cache = provider.vitals.memory_free_bytes === undefined ? 0 : cacheBytes(provider, context);
  return memory === 0 || weights + cache <= memory;
}

/** Weights that are in memory already are not asked for again: only a model that is not loaded needs room for them. */
function fitsFreeMemory(provider: Provider, context: GateContext): boolean {
  const free = provider.vitals.memory_free_bytes;
  const slot = slotOf(provider, context);
  if (free === undefined || slot?.budget_max !== undefined) return true;
  const weights = slot?.state === "idle_shutdown" ? weightsOf(provider, context) : 0;
  return weights + cacheBytes(provider, context) <= free;
}
