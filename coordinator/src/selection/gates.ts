import type { ProviderId, Slot } from "@hearth/protocol";
import { defaultConcurrency, type Provider } from "../fleet/provider.js";
import { type Traits, wantsTools, wantsVision } from "./traits.js";

/** Why a provider may not serve a request: a closed vocabulary, in the order in which the gates are asked. */
export const GATES = [
  "allowlist",
  "excluded",
  "not_serving_model",
  "offline",
  "draining",
  "private_only",
  "template_broken",
  "tools",
  "vision",
  "slot_crashed",
  "slot_reloading",
  "no_headroom",
  "thermal_critical",
  "model_too_large",
  "free_memory",
  "context_exceeded",
] as const;

export type Gate = (typeof GATES)[number];

/** Bytes of key-value cache a token is taken to need where a backend reports no token budget. */
const KV_BYTES_PER_TOKEN = 400_000;

/**
 * The first gate that keeps this provider from this request, or `undefined` when it may serve. The one function
 * behind selection and preflight, so that they cannot disagree.
 *
 * @param excluded providers this request has tried already
 */
export function gateAgainst(provider: Provider, traits: Traits, excluded: ReadonlySet<ProviderId>): Gate | undefined {
  for (const gate of GATES) if (REJECTS[gate](provider, traits, excluded)) return gate;
  return undefined;
}

type Rejects = (provider: Provider, traits: Traits, excluded: ReadonlySet<ProviderId>) => boolean;

const REJECTS: Readonly<Record<Gate, Rejects>> = {
  allowlist: (provider, traits) => traits.allowlist !== undefined && !traits.allowlist.has(provider.id),
  excluded: (provider, _traits, excluded) => excluded.has(provider.id),
  not_serving_model: (provider, traits) => !provider.models.has(traits.model),
  offline: (provider) => provider.status === "offline",
  draining: (provider) => provider.status === "draining",
  private_only: (provider, traits) => traits.route === "self" && provider.account !== traits.account,
  template_broken: (provider, traits) => provider.models.get(traits.model)?.template_render_ok === false,
  tools: (provider, traits) =>
    wantsTools(traits.shape) && provider.models.get(traits.model)?.capabilities.tools === false,
  vision: (provider, traits) =>
    wantsVision(traits.shape) && provider.models.get(traits.model)?.capabilities.vision !== true,
  slot_crashed: (provider, traits) => slotState(provider, traits) === "crashed",
  slot_reloading: (provider, traits) => slotState(provider, traits) === "reloading",
  no_headroom: (provider, traits) => !hasHeadroom(provider, traits),
  thermal_critical: (provider) => provider.vitals.thermal === "critical",
  model_too_large: (provider, traits) => weights(provider, traits) > memory(provider),
  free_memory: (provider, traits) => !fitsFreeMemory(provider, traits),
  context_exceeded: (provider, traits) => exceedsContext(provider, traits),
};

function slotState(provider: Provider, traits: Traits): Slot["state"] | undefined {
  return provider.slots.get(traits.model)?.state;
}

/** Requests this provider may run at once for this model. */
export function concurrencyOf(provider: Provider, model: string): number {
  return provider.slots.get(model)?.max_concurrency ?? defaultConcurrency(provider.hardware.memory_bytes);
}

function hasHeadroom(provider: Provider, traits: Traits): boolean {
  if (provider.load(traits.model) >= concurrencyOf(provider, traits.model)) return false;
  const slot = provider.slots.get(traits.model);
  if (slot?.budget_max === undefined) return true;
  return (slot.budget_used ?? 0) + traits.promptTokens + traits.maxTokens <= slot.budget_max;
}

function weights(provider: Provider, traits: Traits): number {
  return provider.models.get(traits.model)?.weights_bytes ?? 0;
}

function memory(provider: Provider): number {
  return provider.hardware.memory_bytes || Number.POSITIVE_INFINITY;
}

/** Only where the model is not in memory yet: a running model has its weights and cache already. */
function fitsFreeMemory(provider: Provider, traits: Traits): boolean {
  const free = provider.vitals.memory_free_bytes;
  const slot = provider.slots.get(traits.model);
  if (free === undefined || slot?.state !== "idle_shutdown" || slot.budget_max !== undefined) return true;
  return weights(provider, traits) + (traits.promptTokens + traits.maxTokens) * KV_BYTES_PER_TOKEN <= free;
}

function exceedsContext(provider: Provider, traits: Traits): boolean {
  const length = provider.models.get(traits.model)?.context_length;
  return length !== undefined && traits.promptTokens > length;
}
