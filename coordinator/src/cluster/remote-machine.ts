import { preparePublicKey } from "@hearth/e2e";
import type { Clock } from "@hearth/platform";
import { type CloseReason, LIMITS, type ProviderId } from "@hearth/protocol";
import { LeasedSlots } from "../fleet/leased-slots.js";
import { type Provider, slotsOf } from "../fleet/provider.js";
import type { Proven, ProviderLink, ProviderStream, SealedRequest, StreamListener } from "../fleet/provider-link.js";
import { AskedStream } from "./asked-stream.js";
import type { NodeLink } from "./node-link.js";
import { provenOf, type SharedFacts, type SharedState } from "./shared-machine.js";
import type { SlotLeases } from "./slot-leases.js";

/** How long a request may take to be whole at the other node, ms. */
const REQUEST_MS = 10_000;

export interface RemoteMachineDeps {
  readonly clock: Clock;
  /** This node's name: its own requests among those that run there. */
  readonly self: string;
  readonly leases: Pick<SlotLeases, "reserve" | "release">;
  /** The connection to its node; `undefined` = its machines are out of reach now. */
  readonly linkTo: (node: string) => NodeLink | undefined;
  /** It has signed something false, or another node says so. */
  readonly distrusted: (id: ProviderId) => boolean;
  /** Something of it has changed that may free a slot for waiting requests. */
  readonly updated: (machine: RemoteMachine) => void;
}

/** A machine that is connected to another node, as requests of this one see it. */
export class RemoteMachine implements ProviderLink {
  readonly id: ProviderId;
  /** The node that has it, and since which of its connections. */
  readonly node: string;
  readonly epoch: number;
  readonly connectedAt: number;
  readonly #deps: RemoteMachineDeps;
  readonly #leased: LeasedSlots;
  #facts: SharedFacts;
  #state: SharedState;
  #version = 0;
  #lastHeartbeatAt: number;
  #models: Provider["models"] = new Map();
  #slots: Provider["slots"] = new Map();
  /** Models of which somebody else has taken the last slot, as has turned out since. */
  readonly #full = new Set<string>();
  #unverified: ReadonlySet<string> = new Set();
  #freshUntil: number = Number.POSITIVE_INFINITY;
  encryptionKey: ProviderLink["encryptionKey"];
  proven: Proven | undefined;

  constructor(
    { id, node, epoch }: { readonly id: ProviderId; readonly node: string; readonly epoch: number },
    { facts, state }: { readonly facts: SharedFacts; readonly state: SharedState },
    deps: RemoteMachineDeps,
  ) {
    this.id = id;
    this.node = node;
    this.epoch = epoch;
    this.#deps = deps;
    this.connectedAt = deps.clock.now();
    this.#lastHeartbeatAt = this.connectedAt;
    this.#leased = new LeasedSlots(deps.clock, () => this.#updated());
    this.#facts = facts;
    this.#state = state;
    this.encryptionKey = keyOf(facts);
    this.#readFacts(facts);
    this.#readState(state);
  }

  /** Its node says this of it now. @returns whether it is news */
  told(state: SharedState, facts?: SharedFacts): boolean {
    if (facts !== undefined) this.#readFacts(facts);
    if (state.version <= this.#state.version && facts === undefined) return false;
    if (state.version > this.#state.version) this.#readState(state);
    this.#updated();
    return true;
  }

  /** Whether its node is in reach may have changed. */
  reachChanged(): void {
    this.#updated();
  }

  get version(): number {
    return this.#version;
  }

  get name(): string | undefined {
    return this.#facts.name;
  }

  get account(): string {
    return this.#facts.account;
  }

  get agentVersion(): string {
    return this.#facts.agent_version;
  }

  get hardware(): Provider["hardware"] {
    return this.#facts.hardware;
  }

  get trust(): Provider["trust"] {
    return this.#facts.trust;
  }

  get serialHash(): string {
    return this.#facts.serial_hash;
  }

  get untrusted(): boolean {
    return this.#state.untrusted || this.#deps.distrusted(this.id);
  }

  get availableTo(): Provider["availableTo"] {
    return this.#state.available_to;
  }

  get freshUntil(): number {
    return this.#freshUntil;
  }

  get models(): Provider["models"] {
    return this.#models;
  }

  get slots(): Provider["slots"] {
    return this.#slots;
  }

  get vitals(): Provider["vitals"] {
    return this.#state.vitals;
  }

  get status(): Provider["status"] {
    return this.#deps.linkTo(this.node) === undefined ? "offline" : this.#state.status;
  }

  /** Nothing more is sent to a node that does not take what it has been sent. */
  get backlogBytes(): number {
    const link = this.#deps.linkTo(this.node);
    return link?.mayAsk === false ? LIMITS.backlogStopsDispatchBytes + 1 : this.#state.backlog_bytes;
  }

  get lastHeartbeatAt(): number {
    return this.#lastHeartbeatAt;
  }

  runtimeUnverified(model: string): boolean {
    return this.#unverified.has(model);
  }

  inFlight(model: string): number {
    return this.#leased.inFlight(model);
  }

  /** What its node counts, with our own as we know them: the news of them may be on its way. */
  load(model: string): number {
    const told = this.#state.load[model]?.[0] ?? 0;
    const ours = this.#state.held[this.#deps.self]?.[model] ?? 0;
    const load = Math.max(0, told - ours) + this.#leased.inFlight(model);
    return this.#full.has(model) ? Math.max(load, slotsOf(this, model)) : load;
  }

  tokensAhead(model: string): number {
    return (this.#state.load[model]?.[1] ?? 0) + this.#leased.tokensAhead(model);
  }

  unreportedTokens(model: string): number {
    return (this.#state.load[model]?.[2] ?? 0) + this.#leased.unreportedTokens(model);
  }

  acquire(model: string, tokens: number): Disposable {
    this.#version += 1;
    return this.#leased.acquire(model, tokens);
  }

  openStream(request: SealedRequest, listener: StreamListener): ProviderStream | undefined {
    const link = this.#deps.linkTo(this.node);
    if (link === undefined || !link.mayAsk || this.status !== "serving") return undefined;
    const { leases, clock } = this.#deps;
    const { model, attempt_id: attempt } = request.opening;
    const wanted = { provider: this.id, epoch: this.epoch, model, attempt };
    const body = request.frames(1);
    const stream = new AskedStream(listener, clock, {
      freed: () => leases.release(wanted),
      over() {},
      refused: () => this.#isFull(model),
    });
    void leases.reserve(wanted).then((lease) => {
      // It was cancelled meanwhile, so that nobody gives the slot back any more.
      if (stream.isOver) return leases.release(wanted);
      if (lease.type === "refused") return this.#outrun(stream, model);
      const { context, opening, tokens = 0 } = request;
      const open = { provider: this.id, epoch: this.epoch, fence: lease.fence, remaining_ms: REQUEST_MS };
      if (!link.ask(stream, { ...open, tokens, context, opening }, body)) stream.withdraw("cut");
    });
    return stream;
  }

  close(reason: CloseReason): void {
    this.#deps.linkTo(this.node)?.disconnect(this.id, this.epoch, reason);
  }

  /** Somebody else was quicker: until there is other news of it, it counts as full. */
  #outrun(stream: AskedStream, model: string): void {
    this.#isFull(model);
    stream.withdraw("outrun");
  }

  #isFull(model: string): void {
    this.#full.add(model);
    this.#version += 1;
  }

  #readFacts(facts: SharedFacts): void {
    const before = this.#facts;
    this.#facts = facts;
    this.#models = new Map(facts.models.map((model) => [model.id, model]));
    // The same key stays the same object: the one that is prepared.
    if (facts.key.id !== before.key.id || facts.key.public_key !== before.key.public_key)
      this.encryptionKey = keyOf(facts);
    this.proven = provenOf(facts.proof, () => this.#freshUntil);
  }

  #readState(state: SharedState): void {
    const { clock } = this.#deps;
    this.#state = state;
    this.#slots = new Map(state.slots.map((slot) => [slot.model, slot]));
    this.#unverified = new Set(state.unverified);
    const wallAheadMs = clock.wallTime() - clock.now();
    this.#freshUntil = state.fresh_until === null ? Number.POSITIVE_INFINITY : state.fresh_until - wallAheadMs;
    this.#lastHeartbeatAt = clock.now();
    this.#full.clear();
    // What was leased before is in what its node says by now, or will be in a moment.
    this.#leased.report([]);
  }

  #updated(): void {
    this.#version += 1;
    this.#deps.updated(this);
  }
}

function keyOf({ key }: SharedFacts): ProviderLink["encryptionKey"] {
  return { keyId: key.id, publicKey: preparePublicKey(new Uint8Array(Buffer.from(key.public_key, "base64url"))) };
}
