import {
  CLOSE_CODES,
  type CloseReason,
  type ControlFrame,
  type CoordinatorFrame,
  type DataFrame,
  decodeCoordinatorFrame,
  decodeData,
  encodeControl,
  LIMITS,
  SUBPROTOCOL,
} from "@hearth/protocol";
import WebSocket from "isomorphic-ws";
import type { Clock } from "../platform/clock.js";
import type { Logger } from "../platform/logger.js";

/** How long connecting and registering may take together, ms. */
const CONNECT_TIMEOUT_MS = LIMITS.registrationTimeoutMs * 2;
/** The coordinator pings; this long without a sign of it means that the connection is dead, ms. */
const SILENCE_LIMIT_MS = LIMITS.pingIntervalMs * (LIMITS.missedPongs + 1);

export interface ConnectionEvents {
  open(): void;
  control(frame: CoordinatorFrame): void;
  data(frame: DataFrame): void;
  /** The last event. */
  closed(code: number): void;
}

export interface ConnectionDeps {
  readonly clock: Clock;
  readonly log: Logger;
  readonly events: ConnectionEvents;
}

/** One socket to a coordinator, from dialling to its end: frames in and out, and a watch on silence. */
export class Connection {
  readonly #socket: WebSocket;
  readonly #deps: ConnectionDeps;
  readonly #drained = new Set<() => void>();
  #silence: Disposable;
  #closed = false;

  constructor(url: string, deps: ConnectionDeps) {
    this.#deps = deps;
    this.#socket = new WebSocket(url, SUBPROTOCOL, {
      perMessageDeflate: false,
      maxPayload: LIMITS.frameBytes,
      handshakeTimeout: CONNECT_TIMEOUT_MS,
    });
    this.#silence = this.#watchSilence(CONNECT_TIMEOUT_MS);
    this.#socket.on("open", () => deps.events.open());
    this.#socket.on("ping", () => this.#heard());
    this.#socket.on("message", (data: Buffer, isBinary: boolean) => this.#receive(data, isBinary));
    this.#socket.on("error", (error: Error) => deps.log.debug({ problem: error.message }, "socket error"));
    this.#socket.on("close", (code: number) => this.#end(code));
  }

  get bufferedBytes(): number {
    return this.#socket.bufferedAmount;
  }

  send(frame: ControlFrame): void {
    if (!this.#closed && this.#socket.readyState === WebSocket.OPEN) this.#socket.send(encodeControl(frame));
  }

  sendData(bytes: Uint8Array): void {
    if (this.#closed || this.#socket.readyState !== WebSocket.OPEN) return;
    this.#socket.send(bytes, () => this.#sent());
  }

  /** Resolves when the socket's backlog is small enough to go on sending, or the connection has ended. */
  writable(): Promise<void> {
    if (this.#closed || this.bufferedBytes <= LIMITS.backlogStopsDispatchBytes) return Promise.resolve();
    return new Promise((resolve) => this.#drained.add(resolve));
  }

  close(reason: CloseReason): void {
    if (this.#closed) return;
    this.#socket.close(CLOSE_CODES[reason], reason);
    this.#silence[Symbol.dispose]();
    // A peer that does not answer the close frame must not hold the process.
    this.#silence = this.#deps.clock.setTimer(1_000, () => this.#socket.terminate());
  }

  #receive(data: Buffer, isBinary: boolean): void {
    if (this.#closed) return;
    this.#heard();
    if (isBinary) {
      const frame = decodeData(data);
      if (frame === undefined || frame.kind !== "request") return this.close("malformed_frame");
      return this.#deps.events.data(frame);
    }
    const decoded = decodeCoordinatorFrame(data.toString("utf8"));
    switch (decoded.kind) {
      case "frame":
        return this.#deps.events.control(decoded.frame);
      case "unknown":
        return this.#deps.log.debug({ frameType: decoded.frameType }, "unknown frame ignored");
      case "malformed":
        this.#deps.log.warn({ problem: decoded.problem }, "malformed frame");
        return this.close("malformed_frame");
    }
  }

  #lastHeardAt = 0;

  #heard(): void {
    this.#lastHeardAt = this.#deps.clock.now();
  }

  /** One timer a connection, moved only when it fires. */
  #watchSilence(ms: number): Disposable {
    this.#heard();
    const arm = (afterMs: number): Disposable =>
      this.#deps.clock.setTimer(afterMs, () => {
        const silentMs = this.#deps.clock.now() - this.#lastHeardAt;
        if (silentMs < SILENCE_LIMIT_MS) {
          this.#silence = arm(SILENCE_LIMIT_MS - silentMs);
          return;
        }
        this.#deps.log.warn({ silentMs: Math.round(silentMs) }, "coordinator silent");
        this.#socket.terminate();
      });
    return arm(ms);
  }

  #sent(): void {
    if (this.bufferedBytes > LIMITS.backlogStopsDispatchBytes / 2) return;
    this.#releaseWaiters();
  }

  #releaseWaiters(): void {
    for (const resolve of this.#drained) resolve();
    this.#drained.clear();
  }

  #end(code: number): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#silence[Symbol.dispose]();
    this.#releaseWaiters();
    this.#deps.events.closed(code);
  }
}
