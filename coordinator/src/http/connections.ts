import type { IncomingMessage, Server, ServerResponse } from "node:http";
import type { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { type Clock, Tally } from "@hearth/platform";
import { addressGroup } from "../enrolment/address-group.js";
import { clientAddress } from "../platform/client-address.js";
import { type ConnectionTimeouts, watchTimeouts } from "./connection-timeouts.js";
import { readAhead } from "./read-ahead.js";

export interface ConnectionLimits {
  /**
   * Connections in all, of consumers and providers alike. A further one takes the place of the oldest stranger's, and is
   * closed at once where nobody is a stranger.
   */
  readonly total: number;
  /** Connections of one address, or of one IPv6 network of 64 bits. */
  readonly perAddress: number;
  /** Requests of one connection that wait for their answers; who sends more without reading is cut off. */
  readonly pipelined: number;
  readonly timeouts: ConnectionTimeouts;
}

/** Why a connection was ended that might have gone on. */
export type ConnectionEnd = "address_full" | "full" | "crowded_out" | "pipelined" | "unread" | "idle";

interface Connection {
  readonly open: Set<ServerResponse>;
}

/**
 * Owns every TCP connection of a server, whatever became of it: plain HTTP, an upgrade, a refused one. Each request knows
 * when its connection is gone, also one whose answer is still queued behind another's.
 *
 * Who has shown no key yet is a stranger. Strangers cannot keep anybody out: when there is no room, the one who has been
 * here longest makes some.
 */
export class Connections {
  readonly #limits: ConnectionLimits;
  readonly #connections = new Map<Duplex, Connection>();
  readonly #perAddress = new Tally();
  /** The oldest first. */
  readonly #strangers = new Set<Duplex>();
  readonly #waiting = new Set<() => void>();
  readonly #ended: (reason: ConnectionEnd) => void;
  #requests = 0;
  #inFlight = 0;
  #closing = false;

  /** @param ended told of each connection that is ended for what its client does, or for want of room */
  constructor(server: Server, limits: ConnectionLimits, ended: (reason: ConnectionEnd) => void) {
    this.#limits = limits;
    this.#ended = ended;
    // One more than there may be: it is told from the others here, not by Node.
    server.maxConnections = limits.total + 1;
    server.on("connection", (socket) => this.#connected(socket));
    watchTimeouts(server, limits.timeouts, {
      awaitsAnswer: (socket) => (this.#connections.get(socket)?.open.size ?? 0) > 0,
      end: (socket, reason) => this.#end(socket, reason),
    });
  }

  /** Requests whose answers are not out yet. */
  get requests(): number {
    return this.#requests;
  }

  /** Those of the API (`/v1`) alone: what health and operators ask is no work. */
  get inFlight(): number {
    return this.#inFlight;
  }

  get size(): number {
    return this.#connections.size;
  }

  /**
   * Takes a request into account.
   *
   * @returns whether to serve it: not when its connection has asked for too much at once, and is cut off
   */
  admit({ socket, url }: IncomingMessage, response: ServerResponse): boolean {
    const connection = this.#connections.get(socket);
    if (connection === undefined || socket.destroyed) {
      socket.destroy();
      return false;
    }
    if (connection.open.size >= this.#limits.pipelined) {
      this.#end(socket, "pipelined");
      return false;
    }
    if (this.#closing) response.shouldKeepAlive = false;
    const work = url?.startsWith("/v1/") ? 1 : 0;
    this.#requests += 1;
    this.#inFlight += work;
    connection.open.add(response);
    response.once("close", () => {
      this.#requests -= 1;
      this.#inFlight -= work;
      connection.open.delete(response);
      this.#changed();
    });
    return true;
  }

  /** The client has shown a key or registered as a provider: it is no stranger any more. */
  recognise(socket: Duplex): void {
    this.#strangers.delete(socket);
  }

  /** From now on each answer that has not begun says that its connection closes behind it. */
  announceEnd(): void {
    this.#closing = true;
    for (const { open } of this.#connections.values()) for (const response of open) response.shouldKeepAlive = false;
  }

  /** Resolves when every answer is out, the time is up, or the signal says that nobody waits any longer. */
  answered(clock: Clock, timeoutMs: number, signal?: AbortSignal): Promise<void> {
    return this.#until(() => this.#requests === 0, clock, timeoutMs, signal);
  }

  /** Resolves when nobody is connected, or the time is up. */
  left(clock: Clock, timeoutMs: number): Promise<void> {
    return this.#until(() => this.#connections.size === 0, clock, timeoutMs);
  }

  /**
   * Calls `act` when every answer of a connection is out, with what has come on it in between; at once where none is due,
   * never when it closes before.
   */
  whenAnswered(socket: Duplex, act: (behind: Buffer) => void): void {
    const connection = this.#connections.get(socket);
    if (connection === undefined || connection.open.size === 0) return act(Buffer.alloc(0));
    const ahead = readAhead(socket, () => this.#end(socket, "pipelined"));
    for (const response of connection.open) {
      response.once("close", () => {
        if (connection.open.size > 0) return;
        const behind = ahead.stop();
        if (!socket.destroyed) act(behind);
      });
    }
  }

  /** Ends everything that is still connected. */
  destroy(): void {
    for (const socket of this.#connections.keys()) socket.destroy();
  }

  #connected(socket: Socket): void {
    // An upgrade that is not taken up comes here again, as the plain request that it is then.
    if (this.#connections.has(socket)) return;
    // Whoever serves it hears of its end by its close. Between two of them nobody listens, as while an upgrade waits for
    // its turn, and a reset that nobody hears ends the process.
    socket.on("error", () => {});
    const address = addressGroup(clientAddress({ headers: {}, socket }, 0));
    if (this.#perAddress.of(address) >= this.#limits.perAddress) return this.#end(socket, "address_full");
    if (this.#connections.size >= this.#limits.total && !this.#makeRoom()) return this.#end(socket, "full");
    this.#perAddress.add(address);
    const connection: Connection = { open: new Set() };
    this.#connections.set(socket, connection);
    this.#strangers.add(socket);
    socket.once("close", () => {
      this.#connections.delete(socket);
      this.#strangers.delete(socket);
      this.#perAddress.remove(address);
      for (const response of [...connection.open]) closeQueued(response);
      this.#changed();
    });
  }

  /** @returns whether somebody could be asked to go */
  #makeRoom(): boolean {
    const [oldest] = this.#strangers;
    if (oldest === undefined) return false;
    this.#strangers.delete(oldest);
    this.#end(oldest, "crowded_out");
    return true;
  }

  #end(socket: Duplex, reason: ConnectionEnd): void {
    socket.destroy();
    this.#ended(reason);
  }

  #changed(): void {
    for (const look of [...this.#waiting]) look();
  }

  #until(holds: () => boolean, clock: Clock, timeoutMs: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      if (holds() || timeoutMs <= 0 || signal?.aborted) return resolve();
      const end = (): void => {
        timer[Symbol.dispose]();
        this.#waiting.delete(look);
        signal?.removeEventListener("abort", end);
        resolve();
      };
      const look = (): void => {
        if (holds()) end();
      };
      const timer = clock.setTimer(timeoutMs, end);
      this.#waiting.add(look);
      signal?.addEventListener("abort", end);
    });
  }
}

/** Node tells only the answer whose turn it is; those that are queued behind it must hear of the end as well. */
function closeQueued(response: ServerResponse): void {
  if (response.socket !== null) return;
  response.destroy();
  response.emit("close");
}
