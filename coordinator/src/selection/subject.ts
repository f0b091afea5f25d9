import { LIMITS, type ModelAdvert, type Slot } from "@hearth/protocol";
import { type Provider, slotsOf } from "../fleet/provider.js";
import { BIT, type GateSet, when } from "./gate-set.js";
import { estimateRates } from "./hardware-estimate.js";

/**
 * A provider's facts about one model, in the form that gates and scores need. They are kept for as long as the version
 * of the provider is the same: each choice looks at all machines of a model, and few have changed since the last one.
 */
export class Subject {
  readonly provider: Provider;
  readonly model: string;
  advert: ModelAdvert | undefined = undefined;
  slot: Slot | undefined = undefined;
  /** Only its owner may use it. */
  isPrivate = false;
  vitals: Provider["vitals"] = {};
  /** Requests that run there for the model. */
  load = 0;
  /** Ours among them. */
  pending = 0;
  /** Requests that wait in its backend. */
  queued = 0;
  /** Requests that it can run at once. */
  concurrency = 0;
  tokensAhead = 0;
  /** Tokens promised to slots that were leased too late for its last heartbeat to count them. */
  unreportedTokens = 0;
  /** The token budget of its backend; infinite if it does not say. */
  budgetTokens: number = Number.POSITIVE_INFINITY;
  /** The longest prompt that this backend says it takes, tokens. */
  promptLimit: number = Number.POSITIVE_INFINITY;
  /** The model is in memory, or being brought there. */
  isLoaded = false;
  /** Decode rate, told by the machine or else estimated from its hardware, tokens a second; 0 = not known. */
  decodeTps = 0;
  /** It serves chats, natively or translated. */
  chats = false;
  freshUntil: number = Number.POSITIVE_INFINITY;
  /** Closed gates that depend on the provider only. */
  settled: GateSet = 0;
  /** `changingGates` has to be checked for each request. Few machines need that. */
  isChanging = false;
  #version: number = Number.NaN;

  constructor(provider: Provider, model: string) {
    this.provider = provider;
    this.model = model;
    this.#read();
  }

  /**
   * Brings the facts up to date.
   *
   * @param anyway also if the version has not changed
   * @returns whether the facts were read again
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
    this.isPrivate = provider.availableTo === "owner";
    this.vitals = provider.vitals;
    this.load = provider.load(model);
    this.pending = provider.inFlight(model);
    this.queued = slot?.queued ?? 0;
    this.concurrency = slotsOf(provider, model);
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

/** Whether one of the `changingGates` may be closed. */
function isChanging(subject: Subject): boolean {
  const { provider, isPrivate, isLoaded, budgetTokens, freshUntil } = subject;
  const isLimited = budgetTokens !== Number.POSITIVE_INFINITY || freshUntil !== Number.POSITIVE_INFINITY;
  return isPrivate || !isLoaded || isLimited || openingGates(provider) !== 0;
}

/** Gates that close only with a change of the provider, but may open without one. They are seldom closed. */
export function openingGates(provider: Provider): GateSet {
  return (
    when(provider.untrusted, BIT.untrusted) |
    when(provider.backlogBytes > LIMITS.backlogStopsDispatchBytes, BIT.no_headroom)
  );
}

/** Whether a model serves chats, natively or translated. */
export function chats(advert: ModelAdvert | undefined): boolean {
  return advert?.dialects === undefined || advert.dialects.some((dialect) => dialect !== "embeddings");
}

function settledGates({ provider, model, advert, slot, load, concurrency }: Subject): GateSet {
  const { status } = provider;
  return (
    when(advert === undefined, BIT.not_serving_model) |
    when(provider.availableTo === "nobody", BIT.private_only) |
    when(status === "offline", BIT.offline) |
    when(status === "draining", BIT.draining) |
    // A machine that is away will tell its key when it is back.
    when(provider.encryptionKey === undefined && status !== "offline", BIT.no_encryption_key) |
    when(slot?.state === "crashed", BIT.slot_crashed) |
    when(slot?.state === "reloading", BIT.slot_reloading) |
    when(load >= concurrency, BIT.no_headroom) |
    when(provider.vitals.thermal === "critical", BIT.thermal_critical) |
    when(provider.runtimeUnverified(model), BIT.runtime_unverified) |
    when(advert?.template_render_ok === false, BIT.template_broken)
  );
}
