import { createConnection } from "node:net";

/** How often it is looked whether somebody listens again, ms. */
const LOOK_MS = 20;

/**
 * Whether somebody listens on a port, known to all machines of a process: while nobody does, one of them looks for all.
 * What a refused connection costs a machine is its own affair, and thousands of them share one core here.
 */
export class Presence {
  readonly #port: number;
  #isThere = true;

  constructor(port: number) {
    this.#port = port;
  }

  get isThere(): boolean {
    return this.#isThere;
  }

  /** A connection was refused. */
  refused(): void {
    if (!this.#isThere) return;
    this.#isThere = false;
    this.#look();
  }

  #look(): void {
    const socket = createConnection({ port: this.#port, host: "127.0.0.1" });
    socket.once("connect", () => {
      this.#isThere = true;
      socket.destroy();
    });
    socket.once("error", () => setTimeout(() => this.#look(), LOOK_MS));
  }
}
