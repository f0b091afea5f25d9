import type { Rounds } from "@hearth/platform";
import { LIMITS } from "@hearth/protocol";
import type { WebSocket } from "ws";

/**
 * Looks every `LIMITS.pingIntervalMs` whether a peer is there: one that has sent a message since needs no ping, all others
 * get one. Calls `dead` when `LIMITS.missedPongs` such intervals in a row have brought neither message nor pong.
 */
export class Liveness implements Disposable {
  readonly #socket: WebSocket;
  readonly #dead: () => void;
  readonly #turns: Disposable;
  #hasSent = false;
  /** It has just connected. */
  #isThere = true;
  #misses = 0;

  /** @param rounds of `LIMITS.pingIntervalMs` */
  constructor(socket: WebSocket, rounds: Rounds, dead: () => void) {
    this.#socket = socket;
    this.#dead = dead;
    socket.on("pong", this.#onPong);
    this.#turns = rounds.join(() => this.#look());
  }

  /** A message has come. */
  sent(): void {
    this.#hasSent = true;
  }

  readonly #onPong = (): void => {
    this.#isThere = true;
  };

  #look(): void {
    this.#misses = this.#hasSent || this.#isThere ? 0 : this.#misses + 1;
    const needsPing = !this.#hasSent;
    this.#hasSent = false;
    this.#isThere = false;
    if (this.#misses >= LIMITS.missedPongs) return this.#dead();
    if (needsPing) this.#socket.ping();
  }

  [Symbol.dispose](): void {
    this.#turns[Symbol.dispose]();
    this.#socket.off("pong", this.#onPong);
  }
}
