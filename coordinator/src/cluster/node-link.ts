import { type Clock, describeFault, type Rounds } from "@hearth/platform";
import { type CloseReason, LIMITS, MAX_U32, type ProviderId } from "@hearth/protocol";
import type { RawData, WebSocket } from "ws";
import { Liveness } from "../fleet/liveness.js";
import type { AskedStream } from "./asked-stream.js";
import {
  cancelPayload,
  decodeNodeFrame,
  disconnectPayload,
  encodeNodeFrame,
  type NodeFrame,
  type OpenPayload,
  openSchema,
  readPayload,
} from "./node-frames.js";
import type { Peer } from "./node-handshake.js";
import { type Admit, RelayedStream } from "./relayed-stream.js";
import { StreamWire } from "./stream-wire.js";

/** Streams of one direction at once. */
const MAX_STREAMS = 16_384;
/** Waiting in the socket: more than this, and nothing new is asked there; more than that, and it is closed, bytes. */
const BACKLOG = { stopsAsking: 4 * 1024 * 1024, closes: 16 * 1024 * 1024 + LIMITS.forwardedBodyBytes };
/** Bytes of bodies that are not whole yet. */
const MAX_GATHERING_BYTES = 4 * LIMITS.forwardedBodyBytes;
/** How long the other end may take to answer the close, ms. */
const FAREWELL_MS = 1_000;

export type LinkEnd = "replaced" | "leaving" | "silent" | "backlog" | "closed" | "violation" | "internal";

export interface NodeLinkHooks {
  /** Called once, before its streams are told: when they look for another machine, these must be known to be out of reach. */
  closed(link: NodeLink, reason: LinkEnd, problem?: string): void;
  /** The other node wants the connection to one of our machines to end. */
  disconnect(provider: ProviderId, epoch: number, reason: CloseReason): void;
}

export interface NodeLinkDeps {
  readonly clock: Clock;
  /** In which it is looked whether the other node is there. */
  readonly rounds: Rounds;
  readonly hooks: NodeLinkHooks;
  readonly admit: Admit;
}

/** The connection of two nodes, on which each asks for machines of the other. */
export class NodeLink {
  readonly peer: Peer;
  readonly #socket: WebSocket;
  readonly #cork: () => void;
  readonly #deps: NodeLinkDeps;
  readonly #liveness: Liveness;
  readonly #asked = new Map<number, { readonly stream: AskedStream; readonly wire: StreamWire }>();
  readonly #relayed = new Map<number, { readonly stream: RelayedStream; readonly wire: StreamWire }>();
  /** Who has dialled has the odd numbers. */
  #next: number;
  #lastRelayed = 0;
  #gatheringBytes = 0;
  #isOpen = true;

  /** @param cork combines the writes of this turn of the event loop */
  constructor(
    { socket, cork, peer, dialled }: { socket: WebSocket; cork: () => void; peer: Peer; dialled: boolean },
    deps: NodeLinkDeps,
  ) {
    this.peer = peer;
    this.#socket = socket;
    this.#cork = cork;
    this.#deps = deps;
    this.#next = dialled ? 1 : 2;
    this.#liveness = new Liveness(socket, deps.rounds, () => this.close("silent"));
    socket.on("message", this.#read);
    socket.on("close", () => this.#end("closed"));
  }

  get isOpen(): boolean {
    return this.#isOpen;
  }

  /** Something new may be asked of its machines. */
  get mayAsk(): boolean {
    return this.#isOpen && this.#socket.bufferedAmount <= BACKLOG.stopsAsking && this.#asked.size < MAX_STREAMS;
  }

  /** Streams of the other node that our machines work for. */
  get relayed(): number {
    return [...this.#relayed.values()].filter(({ stream }) => stream.isRunning).length;
  }

  /** Sends a request for a machine of the other node; what comes back goes to the stream. @returns whether it is sent */
  ask(stream: AskedStream, open: OpenPayload, body: readonly Uint8Array[]): boolean {
    if (!this.mayAsk || this.#next > MAX_U32) return false;
    const id = this.#next;
    this.#next += 2;
    const wire = new StreamWire(id, this.#write);
    this.#asked.set(id, { stream, wire });
    stream.sent(wire, () => this.#asked.delete(id));
    wire.send("open", open);
    for (const part of body) wire.send("body", part);
    return true;
  }

  disconnect(provider: ProviderId, epoch: number, reason: CloseReason): void {
    const words = JSON.stringify({ provider, epoch, reason });
    this.#write(encodeNodeFrame({ kind: "disconnect", stream: 0, seq: 0 }, words));
  }

  close(reason: LinkEnd, problem?: string): void {
    if (!this.#isOpen) return;
    this.#socket.close();
    const cut = this.#deps.clock.setTimer(FAREWELL_MS, () => this.#socket.terminate());
    this.#socket.once("close", () => cut[Symbol.dispose]());
    this.#end(reason, problem);
  }

  readonly #write = (message: Buffer): void => {
    if (!this.#isOpen) return;
    this.#cork();
    this.#socket.send(message);
    if (this.#socket.bufferedAmount > BACKLOG.closes) this.close("backlog");
  };

  readonly #read = (data: RawData, isBinary: boolean): void => {
    this.#liveness.sent();
    // What is thrown here would end the process.
    try {
      const frame = isBinary ? decodeNodeFrame(data as Buffer) : undefined;
      if (frame === undefined || !this.#take(frame)) this.close("violation", frame?.kind ?? "no frame");
    } catch (thrown) {
      this.close("internal", describeFault(thrown).name);
    }
  };

  /** @returns `false` for what must not come */
  #take(frame: NodeFrame): boolean {
    if (frame.kind === "open") return this.#relay(frame);
    if (frame.kind === "disconnect") return this.#disconnect(frame.payload);
    const asked = this.#asked.get(frame.stream);
    if (asked !== undefined) return asked.wire.isNext(frame) && asked.stream.take(frame);
    const relayed = this.#relayed.get(frame.stream);
    if (relayed !== undefined) return relayed.wire.isNext(frame) && takeRelayed(relayed.stream, frame);
    // What was on its way when its stream ended.
    const isOurs = frame.stream % 2 === this.#next % 2;
    return frame.stream > 0 && (isOurs ? frame.stream < this.#next : frame.stream <= this.#lastRelayed);
  }

  #relay({ stream: id, seq, payload }: NodeFrame): boolean {
    const open = readPayload(openSchema, payload);
    const isNew = id % 2 !== this.#next % 2 && id > this.#lastRelayed && seq === 0;
    if (open === undefined || !isNew || this.#relayed.size >= MAX_STREAMS) return false;
    this.#lastRelayed = id;
    const wire = new StreamWire(id, this.#write);
    wire.isNext({ seq });
    const { clock, admit } = this.#deps;
    const gathering = (bytes: number): boolean => {
      this.#gatheringBytes += bytes;
      return this.#gatheringBytes <= MAX_GATHERING_BYTES;
    };
    const stream = new RelayedStream(wire, open, { clock, admit, gathering, over: () => this.#relayed.delete(id) });
    this.#relayed.set(id, { stream, wire });
    stream.begin(this.peer.id);
    return true;
  }

  #disconnect(payload: Buffer): boolean {
    const told = readPayload(disconnectPayload, payload);
    if (told === undefined) return false;
    this.#deps.hooks.disconnect(told.provider as ProviderId, told.epoch, told.reason);
    return true;
  }

  #end(reason: LinkEnd, problem?: string): void {
    if (!this.#isOpen) return;
    this.#isOpen = false;
    this.#socket.off("message", this.#read);
    this.#liveness[Symbol.dispose]();
    this.#deps.hooks.closed(this, reason, problem);
    for (const { stream } of [...this.#relayed.values()]) stream.abandon();
    for (const { stream } of [...this.#asked.values()]) stream.withdraw("cut");
  }
}

function takeRelayed(stream: RelayedStream, { kind, payload }: NodeFrame): boolean {
  switch (kind) {
    case "body":
      return stream.body(payload);
    case "credit": {
      const bytes = payload.length === 4 ? payload.readUInt32BE() : 0;
      if (bytes > 0) stream.credit(bytes);
      return bytes > 0;
    }
    case "cancel": {
      const told = readPayload(cancelPayload, payload);
      if (told !== undefined) stream.cancel(told.reason);
      return told !== undefined;
    }
    case "open":
    case "data":
    case "working":
    case "complete":
    case "failed":
    case "lost":
    case "refused":
    case "confirmed":
    case "receipt":
    case "disconnect":
      return false;
  }
}
