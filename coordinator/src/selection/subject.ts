import { LIMITS, type ModelAdvert, type Slot } from "@hearth/protocol";
import { defaultConcurrency, type Provider } from "../fleet/provider.js";
import { BIT, type GateSet, when } from "./gate-set.js";
import { estimateRates } from "./hardware-estimate.js";

/**
 * What a provider says of a model and what runs there, as gates and scores ask for it. All of it is of one version of
 * the provider: every machine of a model is looked at in each choice, and few have changed since the last one.
 */
export class Subject {
  readonly provider: Provider;
  readonly model: string;
  advert: ModelAdvert | undefined = undefined;
  slot: Slot | undefined = undefined;
  /** Only its owner may use it. */
  isPrivate = false;
  vitals: Provider["vitals"] = {};
  /** What runs on it for the model. */
  load = 0;
  /** Requests of ours among that. */
  pending = 0;
  /** Requests that wait in its backend. */
  queued = 0;
  /** Requests that it may run at once. */
  concurrency = 0;
  tokensAhead = 0;
  /** Tokens promised to places that its last heartbeat cannot have counted. */
  unreportedTokens = 0;
  /** Tokens that its backend has in all; infinite where it does not say. */
  budgetTokens: number = Number.POSITIVE_INFINITY;
  /** The longest prompt that this backend says it takes, tokens. */
  promptLimit: number = Number.POSITIVE_INFINITY;
  /** The model is in memory, or being brought there. */
  isLoaded = false;
  /** Told by the machine, else estimated from its hardware, tokens a second; 0 = not known. */
  decodeTps = 0;
  /** Some chat can be translated for it. */
  chats = false;
  freshUntil: number = Number.POSITIVE_INFINITY;
  /** Gates that stay as they are until the provider changes. */
  settled: GateSet = 0;
  /** Something of it has to be looked at anew for each request: `changingGates`. Of few machines it has. */
  isChanging = false;
  #version: number = Number.NaN;

  constructor(provider: Provider, model: string) {
    this.provider = provider;
    this.model = model;
    this.#read();
  }

  /**
   * Takes in what has changed.
   *
   * @param anyway reads all of it anew, whatever the version says
   * @returns whether anything has been read
   */
  refresh(anyway: boolean): boolean {
    if (!anyway && this.#version === this.provider.version) return false;
    this.#read();
    return true;
  }

  #read(): void {
    const { provider, model } = this;
    this.#version = provider.version;
    const advert = provider.models.get(model);
    const slot = provider.slots.get(model);
    this.advert = advert;
    this.slot = slot;
    this.isPrivate = provider.lentTo === "owner";
    this.vitals = provider.vitals;
    this.load = provider.load(model);
    this.pending = provider.inFlight(model);
    this.queued = slot?.queued ?? 0;
    this.concurrency = concurrencyOf(provider, slot);
    this.tokensAhead = provider.tokensAhead(model);
    this.unreportedTokens = provider.unreportedTokens(model);
    this.budgetTokens = slot?.budget_max ?? Number.POSITIVE_INFINITY;
    this.promptLimit = Math.min(advert?.context_length ?? Number.POSITIVE_INFINITY, this.budgetTokens);
    this.isLoaded = slot !== undefined && slot.state !== "idle_shutdown";
    this.decodeTps = slot?.decode_tps || estimateRates(provider, model)?.decodeTps || 0;
    this.chats = chats(advert);
    this.freshUntil = provider.freshUntil;
    this.settled = settledGates(this);
    this.isChanging = isChanging(this);
  }
}

/** Whether a gate may be closed that neither stays as it is nor is asked of every machine. */
function isChanging(subject: Subject): boolean {
  const { provider, isPrivate, isLoaded, budgetTokens, freshUntil } = subject;
  const isLimited = budgetTokens !== Number.POSITIVE_INFINITY || freshUntil !== Number.POSITIVE_INFINITY;
  return isPrivate || !isLoaded || isLimited || openingGates(provider) !== 0;
}

/** Gates that may open without a change of the provider, and close with one only: they are seldom closed. */
export function openingGates(provider: Provider): GateSet {
  return (
    when(provider.untrusted, BIT.untrusted) |
    when(provider.backlogBytes > LIMITS.backlogStopsDispatchBytes, BIT.no_headroom)
  );
}

/** Whether some chat can be translated for a model. */
export function chats(advert: ModelAdvert | undefined): boolean {
  return advert?.dialects === undefined || advert.dialects.some((dialect) => dialect !== "embeddings");
}

/** Requests this provider may run at once for this model. */
function concurrencyOf({ hardware }: Provider, slot: Slot | undefined): number {
  return slot?.max_concurrency ?? defaultConcurrency(hardware.memory_bytes);
}

function settledGates({ provider, model, advert, slot, load, concurrency }: Subject): GateSet {
  const { status } = provider;
  return (
    when(advert === undefined, BIT.not_serving_model) |
    when(provider.lentTo === "nobody", BIT.private_only) |
    when(status === "offline", BIT.offline) |
    when(status === "draining", BIT.draining) |
    // One that is away tells its key when it is back.
    when(provider.encryptionKey === undefined && status !== "offline", BIT.no_encryption_key) |
    when(slot?.state === "crashed", BIT.slot_crashed) |
    when(slot?.state === "reloading", BIT.slot_reloading) |
    when(load >= concurrency, BIT.no_headroom) |
    when(provider.vitals.thermal === "critical", BIT.thermal_critical) |
    when(provider.runtimeUnverified(model), BIT.runtime_unverified) |
    when(advert?.template_render_ok === false, BIT.template_broken)
  );
}
