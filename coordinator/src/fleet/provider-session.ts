import { preparePublicKey } from "@hearth/e2e";
import {
  type CancelReason,
  CLOSE_CODES,
  type CloseReason,
  decodeData,
  decodeProviderFrame,
  type ErrorFrame,
  encodeControl,
  type HeartbeatFrame,
  LIMITS,
  MAX_U32,
  type ModelAdvert,
  type ProviderFrame,
  type ProviderId,
  type RequestFrame,
  type Slot,
  type Usage,
} from "@hearth/protocol";
import type { RawData, WebSocket } from "ws";
import type { Clock } from "../platform/clock.js";
import type { Logger } from "../platform/logger.js";
import { watchLiveness } from "./liveness.js";
import type { Provider, TrustLevel, Vitals } from "./provider.js";
import type { Registration } from "./registration.js";

/** What a stream's owner hears. After `complete`, `failed` or `lost` nothing more comes. */
export interface StreamListener {
  accepted(): void;
  data(ciphertext: Uint8Array, seq: number, final: boolean): void;
  complete(usage: Usage): void;
  failed(frame: ErrorFrame): void;
  /** The connection went away. */
  lost(): void;
}

/** The sending side of one stream. Every method is harmless after the stream has ended. */
export interface ProviderStream {
  /** Lets the provider send this many more plaintext bytes. */
  grant(bytes: number): void;
  /** Asks the provider to stop; the listener hears nothing more. */
  cancel(reason: CancelReason): void;
}

/** A sealed request: the opening frame without its stream id, and the sealed body, each with room for a data header. */
export interface SealedRequest {
  readonly opening: Omit<RequestFrame, "type" | "stream">;
  /** Complete binary frames but for the stream id, which is not known before the session assigns it. */
  readonly frames: (stream: number) => readonly Uint8Array[];
}

/** Why a session ended: our verdict, or the other end's. */
export type SessionEnd =
  | CloseReason
  /** It said goodbye first. */
  | "left"
  | "peer_closed";

export interface SessionHooks {
  /** Room, models, vitals or status changed. */
  updated(session: ProviderSession): void;
  closed(session: ProviderSession, reason: SessionEnd): void;
  unknownFrame(frameType: string): void;
  /** A cancelled stream's provider has confirmed, and says what had been spent by then. */
  cancelConfirmed(spent: Usage | undefined): void;
}

export interface SessionDeps {
  readonly clock: Clock;
  readonly log: Logger;
  readonly hooks: SessionHooks;
  /** The machine has been caught at something only an attacker does. */
  readonly distrusted: (id: ProviderId) => boolean;
}

interface Place {
  readonly tokens: number;
  readonly takenAt: number;
}

/** What a request is expected to cost at most in the end, tokens: most bounds are far from what is written. */
const EXPECTED_PLACE_TOKENS = 512;

/** How long after a cancel the provider may still send frames of that stream before they count as foreign, ms. */
const CANCEL_GRACE_MS = 30_000;

/** One registered provider's connection: its state as last reported, and the streams that run on it. */
export class ProviderSession implements Provider {
  readonly id: Provider["id"];
  readonly name: string | undefined;
  readonly account: string;
  readonly agentVersion: string;
  readonly hardware: Provider["hardware"];
  readonly trust: TrustLevel = "none";
  readonly runtimeUnverified = false;
  readonly freshUntil: number = Number.POSITIVE_INFINITY;
  readonly serialHash: string = "";
  readonly encryptionKey: NonNullable<Provider["encryptionKey"]>;
  readonly connectedAt: number;
  models: ReadonlyMap<string, ModelAdvert>;
  slots: ReadonlyMap<string, Slot>;
  vitals: Vitals = {};
  status: Provider["status"] = "serving";
  lastHeartbeatAt: number;
  readonly #socket: WebSocket;
  readonly #cork: () => void;
  readonly #deps: SessionDeps;
  readonly #streams = new Map<number, StreamListener>();
  readonly #cancelled = new Map<number, Disposable>();
  readonly #places = new Map<string, Set<Place>>();
  /** Work that is not ours, as of the last heartbeat. */
  readonly #foreign = new Map<string, number>();
  readonly #liveness: Disposable;
  #nextStream = 1;
  /** The provider has told that it is going. */
  #leaving = false;

  constructor(registration: Registration, deps: SessionDeps) {
    const { frame } = registration;
    this.id = registration.provider;
    this.name = frame.agent.name;
    this.account = registration.account;
    this.agentVersion = frame.agent.version;
    this.hardware = frame.hardware;
    this.encryptionKey = {
      keyId: frame.encryption_key.key_id,
      publicKey: preparePublicKey(Buffer.from(frame.encryption_key.public_key, "base64url")),
    };
    this.models = byId(frame.models);
    this.slots = bySlotModel(frame.slots);
    this.connectedAt = deps.clock.now();
    this.lastHeartbeatAt = this.connectedAt;
    this.#socket = registration.socket;
    this.#cork = registration.cork;
    this.#deps = deps;
    this.#socket.on("message", (data: RawData, isBinary: boolean) => this.#receive(data as Buffer, isBinary));
    this.#socket.on("close", () => this.#end(this.#leaving ? "left" : "peer_closed"));
    this.#liveness = watchLiveness(this.#socket, deps.clock, () => this.close("liveness_timeout"));
  }

  get backlogBytes(): number {
    return this.#socket.bufferedAmount;
  }

  get openStreams(): number {
    return this.#streams.size;
  }

  get untrusted(): boolean {
    return this.#deps.distrusted(this.id);
  }

  inFlight(model: string): number {
    return this.#places.get(model)?.size ?? 0;
  }

  tokensAhead(model: string): number {
    let tokens = 0;
    for (const place of this.#unreported(model)) tokens += Math.min(place.tokens, EXPECTED_PLACE_TOKENS);
    return tokens;
  }

  unreportedTokens(model: string): number {
    let tokens = 0;
    for (const place of this.#unreported(model)) tokens += place.tokens;
    return tokens;
  }

  /** Places that the last heartbeat cannot have counted. */
  *#unreported(model: string): IterableIterator<Place> {
    for (const place of this.#places.get(model) ?? []) if (place.takenAt >= this.lastHeartbeatAt) yield place;
  }

  acquire(model: string, tokens: number): Disposable {
    const place: Place = { tokens, takenAt: this.#deps.clock.now() };
    const places = this.#places.get(model) ?? new Set();
    this.#places.set(model, places);
    places.add(place);
    return {
      [Symbol.dispose]: () => {
        if (places.delete(place)) this.#deps.hooks.updated(this);
      },
    };
  }

  load(model: string): number {
    return this.inFlight(model) + (this.#foreign.get(model) ?? 0);
  }

  /**
   * Sends a request and routes what comes back to the listener.
   *
   * @returns `undefined` when this connection can take nothing now: it is closing, or its backlog is full
   */
  openStream(request: SealedRequest, listener: StreamListener): ProviderStream | undefined {
    if (this.#socket.readyState !== this.#socket.OPEN || this.status !== "serving") return undefined;
    if (this.backlogBytes > LIMITS.backlogStopsDispatchBytes || this.#nextStream > MAX_U32) return undefined;
    if (this.#streams.size >= LIMITS.streamsPerConnection) return undefined;
    const stream = this.#nextStream++;
    const frames = request.frames(stream);
    this.#streams.set(stream, listener);
    this.#cork();
    this.#socket.send(encodeControl({ type: "request", stream, ...request.opening }));
    for (const frame of frames) this.#socket.send(frame);
    this.#checkBacklog();
    return {
      grant: (bytes) => {
        if (this.#streams.has(stream)) this.#sendControl(encodeControl({ type: "credit", stream, bytes }));
      },
      cancel: (reason) => this.#cancel(stream, reason),
    };
  }

  /** Asks the agent to finish and reconnect later; nothing new is dispatched to it. */
  goAway(reason: string, reconnectAfterMs: number): void {
    this.status = "draining";
    this.#sendControl(encodeControl({ type: "go_away", reason, reconnect_after_ms: reconnectAfterMs }));
  }

  close(reason: CloseReason): void {
    if (this.status === "offline") return;
    this.#socket.close(CLOSE_CODES[reason], reason);
    this.#end(reason);
    // A peer that never answers the close frame must not hold the socket.
    this.#deps.clock.setTimer(2_000, () => this.#socket.terminate());
  }

  #sendControl(text: string): void {
    if (this.#socket.readyState !== this.#socket.OPEN) return;
    this.#cork();
    this.#socket.send(text);
    this.#checkBacklog();
  }

  /** One request's body may be larger than the limit by itself, so what a single request adds is not held against it. */
  #checkBacklog(): void {
    if (this.backlogBytes > LIMITS.backlogClosesBytes + LIMITS.forwardedBodyBytes) this.close("backlog_exceeded");
  }

  #cancel(stream: number, reason: CancelReason): void {
    if (!this.#streams.delete(stream)) return;
    this.#cancelled.set(
      stream,
      this.#deps.clock.setTimer(CANCEL_GRACE_MS, () => this.#cancelled.delete(stream)),
    );
    this.#sendControl(encodeControl({ type: "cancel", stream, reason }));
  }

  #receive(data: Buffer, isBinary: boolean): void {
    if (this.status === "offline") return;
    if (isBinary) this.#receiveData(data);
    else this.#receiveControl(data);
  }

  #receiveData(message: Buffer): void {
    const frame = decodeData(message);
    if (frame === undefined) return this.close("malformed_frame");
    if (frame.kind !== "response") return this.close("protocol_violation");
    const listener = this.#streams.get(frame.stream);
    if (listener !== undefined) listener.data(frame.ciphertext, frame.seq, frame.final);
    else if (!this.#cancelled.has(frame.stream)) this.close("protocol_violation");
  }

  #receiveControl(data: Buffer): void {
    const decoded = decodeProviderFrame(data.toString("utf8"));
    switch (decoded.kind) {
      case "frame":
        return this.#handle(decoded.frame);
      case "unknown":
        return this.#deps.hooks.unknownFrame(decoded.frameType);
      case "malformed":
        this.#deps.log.warn({ provider: this.id, problem: decoded.problem }, "malformed frame");
        return this.close("malformed_frame");
    }
  }

  #handle(frame: ProviderFrame): void {
    switch (frame.type) {
      case "heartbeat":
        return this.#heartbeat(frame);
      case "models_update":
        this.models = byId(frame.models);
        return this.#deps.hooks.updated(this);
      case "drain":
        this.#leaving = true;
        this.status = "draining";
        return this.#deps.hooks.updated(this);
      case "accepted":
        return this.#toStream(frame.stream, (listener) => listener.accepted());
      case "complete":
        return this.#endStream(frame.stream, frame.usage, (listener) => listener.complete(frame.usage));
      case "error":
        return this.#endStream(frame.stream, frame.usage, (listener) => listener.failed(frame));
    }
  }

  #heartbeat(frame: HeartbeatFrame): void {
    this.slots = bySlotModel(frame.slots);
    // What is no longer named is no longer there, and a provider cannot make this grow.
    this.#foreign.clear();
    for (const slot of frame.slots) {
      this.#foreign.set(slot.model, Math.max(0, slot.running - this.inFlight(slot.model)));
    }
    const { type: _type, slots: _slots, ...vitals } = frame;
    this.vitals = vitals;
    this.lastHeartbeatAt = this.#deps.clock.now();
    this.#deps.hooks.updated(this);
  }

  #toStream(stream: number, tell: (listener: StreamListener) => void): void {
    const listener = this.#streams.get(stream);
    if (listener !== undefined) tell(listener);
    else if (!this.#cancelled.has(stream)) this.close("protocol_violation");
  }

  #endStream(stream: number, usage: Usage | undefined, tell: (listener: StreamListener) => void): void {
    const listener = this.#streams.get(stream);
    if (listener !== undefined) {
      this.#streams.delete(stream);
      return tell(listener);
    }
    const cancelled = this.#cancelled.get(stream);
    if (cancelled === undefined) return this.close("protocol_violation");
    cancelled[Symbol.dispose]();
    this.#cancelled.delete(stream);
    this.#deps.hooks.cancelConfirmed(usage);
  }

  #end(reason: SessionEnd): void {
    if (this.status === "offline") return;
    this.status = "offline";
    this.#liveness[Symbol.dispose]();
    for (const timer of this.#cancelled.values()) timer[Symbol.dispose]();
    this.#cancelled.clear();
    const listeners = [...this.#streams.values()];
    this.#streams.clear();
    // Told first: by the time a stream looks for another provider, this one is known to be gone.
    this.#deps.hooks.closed(this, reason);
    for (const listener of listeners) listener.lost();
  }
}

function byId(models: readonly ModelAdvert[]): ReadonlyMap<string, ModelAdvert> {
  return new Map(models.map((model) => [model.id, model]));
}

function bySlotModel(slots: readonly Slot[]): ReadonlyMap<string, Slot> {
  return new Map(slots.map((slot) => [slot.model, slot]));
}
