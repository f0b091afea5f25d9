import type { Random } from "./random.js";
import type { VirtualTime } from "./virtual-time.js";

type Handler = (...values: never[]) => void;

/** What a provider's process does with what arrives on its end. */
export interface PeerHandlers {
  message(data: string | Uint8Array): void;
  closed(): void;
}

export interface WireHooks {
  /** The coordinator put a message on the wire. */
  sent(data: string | Uint8Array): void;
  /** From now on nothing crosses: the coordinator closed it, or has learnt that the provider is gone. */
  over(why: "closed_by_coordinator" | "closed_by_peer", code: number | undefined): void;
}

interface SocketOptions {
  readonly time: VirtualTime;
  readonly random: Random;
  readonly latencyMs: number;
  readonly jitterMs: number;
}

const OPEN = 1;
const CLOSING = 2;
const CLOSED = 3;

/**
 * One WebSocket, seen from both ends: the coordinator's end has just those members of a `ws` socket that the fleet's
 * code uses, the provider's end is `peer…`. Messages keep their order and take their time.
 */
export class SimSocket {
  readonly OPEN: number = OPEN;
  readyState: number = OPEN;
  bufferedAmount = 0;
  /** Nothing crosses any more, and nobody is told. */
  halfOpen = false;
  readonly #options: SocketOptions;
  readonly #hooks: WireHooks;
  readonly #handlers = new Map<string, Set<Handler>>();
  #peer: PeerHandlers | undefined;
  #peerClosed = false;
  #over = false;
  #lastDownAt = 0;
  #lastUpAt = 0;
  /** Messages of one moment travel as one event. */
  #batch: { readonly sentAt: number; readonly messages: (string | Uint8Array)[] } | undefined;

  constructor(options: SocketOptions, hooks: WireHooks) {
    this.#options = options;
    this.#hooks = hooks;
  }

  connectPeer(peer: PeerHandlers): void {
    this.#peer = peer;
  }

  on(event: string, handler: Handler): this {
    const handlers = this.#handlers.get(event) ?? new Set();
    this.#handlers.set(event, handlers);
    handlers.add(handler);
    return this;
  }

  once(event: string, handler: Handler): this {
    const first: Handler = (...values) => {
      this.off(event, first);
      handler(...values);
    };
    return this.on(event, first);
  }

  off(event: string, handler: Handler): this {
    this.#handlers.get(event)?.delete(handler);
    return this;
  }

  send(data: string | Uint8Array): void {
    if (this.readyState !== OPEN) return;
    this.#hooks.sent(data);
    this.bufferedAmount += data.length;
    if (this.halfOpen) return;
    const now = this.#options.time.now();
    if (this.#batch?.sentAt === now) {
      this.#batch.messages.push(data);
      return;
    }
    const batch = { sentAt: now, messages: [data] };
    this.#batch = batch;
    this.#travelDown("frames reach the provider", () => {
      if (this.#batch === batch) this.#batch = undefined;
      for (const message of batch.messages) {
        this.bufferedAmount -= message.length;
        if (!this.#peerClosed && !this.halfOpen) this.#peer?.message(message);
      }
    });
  }

  ping(): void {
    if (this.readyState !== OPEN || this.halfOpen) return;
    // At once: the way there and back is short beside the interval after which anybody asks.
    if (!this.#peerClosed) this.#emit("pong");
  }

  close(code?: number): void {
    if (this.readyState !== OPEN) return;
    this.readyState = CLOSING;
    this.#end("closed_by_coordinator", code);
    if (this.halfOpen) return;
    this.#travelDown("a close reaches the provider", () => {
      if (this.halfOpen) return;
      this.#closePeer();
      this.#travelUp("a close is answered", () => this.terminate());
    });
  }

  terminate(): void {
    if (this.readyState === CLOSED) return;
    this.readyState = CLOSED;
    this.#end("closed_by_coordinator", undefined);
    this.#closePeer();
    this.#emit("close", 1006);
  }

  /**
   * The provider sends a message.
   *
   * @param arrives told right before the coordinator reads it
   */
  peerSend(data: string | Uint8Array, arrives?: () => void): void {
    if (this.halfOpen || this.#peerClosed) return;
    this.#travelUp("a frame reaches the coordinator", () => {
      if (this.halfOpen || this.readyState === CLOSED) return;
      arrives?.();
      this.#emit("message", Buffer.from(data as string), typeof data !== "string");
    });
  }

  /** The provider closes its end, or dies: the same to those who are left. */
  peerClose(): void {
    if (this.#peerClosed) return;
    this.#closePeer();
    if (this.halfOpen) return;
    this.#travelUp("a socket's end reaches the coordinator", () => {
      if (this.readyState === CLOSED) return;
      this.readyState = CLOSED;
      this.#end("closed_by_peer", undefined);
      this.#emit("close", 1006);
    });
  }

  #end(why: "closed_by_coordinator" | "closed_by_peer", code: number | undefined): void {
    if (this.#over) return;
    this.#over = true;
    this.#hooks.over(why, code);
  }

  #closePeer(): void {
    if (this.#peerClosed) return;
    this.#peerClosed = true;
    this.#peer?.closed();
  }

  #travelUp(what: string, arrive: () => void): void {
    this.#lastUpAt = this.#arrivalAfter(this.#lastUpAt);
    this.#options.time.schedule(this.#lastUpAt - this.#options.time.now(), what, arrive);
  }

  #travelDown(what: string, arrive: () => void): void {
    this.#lastDownAt = this.#arrivalAfter(this.#lastDownAt);
    this.#options.time.scheduleElsewhere(this.#lastDownAt - this.#options.time.now(), what, arrive);
  }

  /** Nothing overtakes what was sent before it. */
  #arrivalAfter(lastAt: number): number {
    const { time, random, latencyMs, jitterMs } = this.#options;
    return Math.max(lastAt, time.now() + latencyMs + jitterMs * random.next());
  }

  #emit(event: string, ...values: unknown[]): void {
    for (const handler of [...(this.#handlers.get(event) ?? [])])
      (handler as (...values: unknown[]) => void)(...values);
  }
}
