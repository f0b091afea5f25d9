import { type Clock, describeFault } from "@hearth/platform";
import {
  CLOSE_CODES,
  type CloseReason,
  type ControlFrame,
  decodeCoordinatorFrame,
  decodeData,
  encodeControl,
  LIMITS,
  SUBPROTOCOL,
} from "@hearth/protocol";
import WebSocket from "isomorphic-ws";
import type { Logger } from "../platform/logger.js";
import { Watchdog } from "../platform/watchdog.js";
import type { Connection, ConnectionHooks } from "./connection.js";

/** How long connecting, registering and answering the challenge may take together, ms. */
export const CONNECT_TIMEOUT_MS: number = LIMITS.registrationTimeoutMs * 2 + LIMITS.challengeTimeoutMs;
/** The coordinator pings; this long without a sign of it means that the connection is dead, ms. */
export const SILENCE_LIMIT_MS: number = LIMITS.pingIntervalMs * (LIMITS.missedPongs + 1);
/** A coordinator that does not answer the close frame is cut after this, ms. */
const CLOSE_TIMEOUT_MS = 1_000;
/** Bytes that wait for a coordinator that does not read, beyond the errors of all streams, over which it is left. */
const MAX_BACKLOG_BYTES: number = LIMITS.backlogClosesBytes + LIMITS.streamsPerConnection * LIMITS.errorBodyBytes * 2;

export interface ConnectionDeps {
  readonly clock: Clock;
  readonly log: Logger;
  readonly hooks: ConnectionHooks;
}

/**
 * A WebSocket with a watch on silence. What `confirm` promises rests on RFC 6455, section 5.5.3: the other end answers a
 * ping, in its place among the messages, with a pong of the same content.
 */
export class WebSocketConnection implements Connection {
  readonly #socket: WebSocket;
  readonly #deps: ConnectionDeps;
  readonly #waiting = new Set<() => void>();
  /** Who waits for which pong. */
  readonly #confirming = new Map<string, () => void>();
  #pings = 0;
  #state: "open" | "closing" | "closed" = "open";
  /** First for registration, later for the answer to a close frame. */
  #deadline: Disposable;
  #silence: Watchdog | undefined;
  #verification: Disposable | undefined;
  #problem: string | undefined;

  constructor(url: string, deps: ConnectionDeps) {
    this.#deps = deps;
    this.#socket = new WebSocket(url, SUBPROTOCOL, { perMessageDeflate: false, maxPayload: LIMITS.frameBytes });
    this.#deadline = deps.clock.setTimer(CONNECT_TIMEOUT_MS, () => this.#terminate("not registered in time"));
    this.#socket.on("open", () => deps.hooks.open());
    this.#socket.on("ping", () => {
      this.#silence?.feed();
      // Each is answered with a pong.
      this.#boundBacklog();
    });
    this.#socket.on("pong", (data: Buffer) => this.#confirmed(data.toString("latin1")));
    this.#socket.on("message", (data: Buffer, isBinary: boolean) => this.#receive(data, isBinary));
    this.#socket.on("error", (error: Error) => {
      this.#problem ??= error.message;
    });
    this.#socket.on("close", (code: number) => this.#end(code));
  }

  get congested(): boolean {
    return this.#socket.bufferedAmount > LIMITS.backlogStopsDispatchBytes;
  }

  onWritable(resume: () => void): void {
    this.#waiting.add(resume);
  }

  send(frame: ControlFrame): void {
    if (this.#isOpen) this.#socket.send(encodeControl(frame));
    this.#boundBacklog();
  }

  sendData(bytes: Uint8Array): void {
    if (this.#isOpen) this.#socket.send(bytes, this.#sent);
    this.#boundBacklog();
  }

  confirm(reached: () => void): void {
    if (!this.#isOpen) return;
    this.#pings += 1;
    const content = String(this.#pings);
    this.#confirming.set(content, reached);
    this.#socket.ping(content);
  }

  verify(limitMs: number): void {
    if (!this.#isOpen) return;
    this.#verification?.[Symbol.dispose]();
    const timer = this.#deps.clock.setTimer(limitMs, () => this.#terminate("no answer to a ping"));
    this.#verification = timer;
    this.confirm(() => timer[Symbol.dispose]());
  }

  close(reason: CloseReason): void {
    if (this.#state !== "open") return;
    this.#state = "closing";
    this.#socket.close(CLOSE_CODES[reason], reason);
    this.#stopWatching();
    // A peer that does not answer the close frame must not hold the process.
    this.#deadline = this.#deps.clock.setTimer(CLOSE_TIMEOUT_MS, () => this.#socket.terminate());
  }

  get #isOpen(): boolean {
    return this.#state === "open" && this.#socket.readyState === WebSocket.OPEN;
  }

  #boundBacklog(): void {
    if (this.#socket.bufferedAmount > MAX_BACKLOG_BYTES) this.close("backlog_exceeded");
  }

  #confirmed(content: string): void {
    this.#silence?.feed();
    const reached = this.#confirming.get(content);
    this.#confirming.delete(content);
    reached?.();
  }

  #receive(data: Buffer, isBinary: boolean): void {
    if (this.#state !== "open") return;
    // What is thrown here would end the agent, and its jobs for other coordinators' consumers with it.
    try {
      if (isBinary) this.#receiveData(data);
      else this.#receiveControl(data);
    } catch (thrown) {
      this.#deps.log.error({ sizeBytes: data.length, problem: describeFault(thrown) }, "undigested frame");
      this.close("internal_error");
    }
  }

  #receiveControl(data: Buffer): void {
    const decoded = decodeCoordinatorFrame(data.toString("utf8"));
    switch (decoded.kind) {
      case "frame":
        if (decoded.frame.type === "registered") this.#watchSilence();
        this.#silence?.feed();
        return this.#deps.hooks.control(decoded.frame);
      case "unknown":
        return this.#deps.log.debug({ frameType: decoded.frameType }, "unknown frame ignored");
      case "malformed":
        this.#deps.log.warn({ problem: decoded.problem }, "malformed frame");
        return this.close("malformed_frame");
    }
  }

  #receiveData(data: Buffer): void {
    const frame = decodeData(data);
    if (frame === undefined) return this.close("malformed_frame");
    this.#silence?.feed();
    this.#deps.hooks.data(frame);
  }

  /** From now on only silence ends the connection. */
  #watchSilence(): void {
    this.#stopWatching();
    this.#silence = new Watchdog(this.#deps.clock, SILENCE_LIMIT_MS, () => this.#terminate("coordinator silent"));
  }

  #stopWatching(): void {
    this.#deadline[Symbol.dispose]();
    this.#silence?.[Symbol.dispose]();
    this.#verification?.[Symbol.dispose]();
    this.#confirming.clear();
  }

  #terminate(problem: string): void {
    this.#problem ??= problem;
    this.#socket.terminate();
  }

  readonly #sent = (): void => {
    if (this.#socket.bufferedAmount <= LIMITS.backlogStopsDispatchBytes / 2) this.#resume();
  };

  #resume(): void {
    if (this.#waiting.size === 0) return;
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const resume of waiting) resume();
  }

  #end(code: number): void {
    this.#state = "closed";
    this.#stopWatching();
    this.#waiting.clear();
    this.#deps.hooks.closed(code, this.#problem);
  }
}
