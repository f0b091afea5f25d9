import { connect, createServer, type Server, type Socket } from "node:net";

interface Target {
  readonly host: string;
  readonly port: number;
}

/** Stands between a client and a server of this machine's, and lets the test break what is between them. */
export class BreakableProxy {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #target: Target;
  /** Messages that pass until everything is cut. */
  #leftMessages = Number.POSITIVE_INFINITY;
  #state: "passing" | "refusing" | "silent" = "passing";
  /** Told of all that passes. */
  watch: ((bytes: Buffer) => void) | undefined;
  /** Bytes that clients may still send. */
  #leftBytes = Number.POSITIVE_INFINITY;

  private constructor(target: Target) {
    this.#target = target;
    this.#server = createServer((socket) => this.#accept(socket));
  }

  static async start(host: string, port: number): Promise<BreakableProxy> {
    const proxy = new BreakableProxy({ host, port });
    await new Promise<void>((resolve) => proxy.#server.listen(0, "127.0.0.1", resolve));
    return proxy;
  }

  get port(): number {
    const address = this.#server.address();
    return typeof address === "object" && address !== null ? address.port : 0;
  }

  /** Connections that are open now. */
  get open(): number {
    return this.#sockets.size / 2;
  }

  /** Ends every connection, and new ones as they come. */
  cut(): void {
    this.#state = "refusing";
    for (const socket of this.#sockets) socket.destroy();
  }

  /** Does so once clients have sent so many bytes more. */
  cutAfterBytes(bytes: number): void {
    this.#leftBytes = bytes;
  }

  /** Does so before the message after so many, whichever way it goes. */
  cutAfterMessages(messages: number): void {
    this.#leftMessages = messages;
  }

  /** Nothing goes through any more, and nobody is told. */
  silence(): void {
    this.#state = "silent";
    for (const socket of this.#sockets) socket.pause();
  }

  mend(): void {
    this.#state = "passing";
    this.#leftMessages = this.#leftBytes = Number.POSITIVE_INFINITY;
    for (const socket of this.#sockets) socket.resume();
  }

  async close(): Promise<void> {
    this.cut();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #accept(near: Socket): void {
    if (this.#state === "refusing") return void near.destroy();
    const far = connect(this.#target);
    near.on("data", (bytes) => {
      this.#leftBytes -= bytes.length;
      if (this.#leftBytes < 0) this.cut();
    });
    for (const [socket, other] of [
      [near, far],
      [far, near],
    ] as const) {
      this.#sockets.add(socket);
      socket.on("data", (bytes) => {
        this.watch?.(bytes);
        if (this.#leftMessages-- > 0) other.write(bytes);
        else this.cut();
      });
      socket.on("error", () => {});
      socket.on("close", () => {
        this.#sockets.delete(socket);
        other.destroy();
      });
      if (this.#state === "silent") socket.pause();
    }
  }
}
