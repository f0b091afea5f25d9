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
  #state: "passing" | "refusing" | "silent" = "passing";
  /** Bytes that clients may still send. */
  #left = Number.POSITIVE_INFINITY;

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
  cutAfter(bytes: number): void {
    this.#left = bytes;
  }

  /** Nothing goes through any more, and nobody is told. */
  silence(): void {
    this.#state = "silent";
    for (const socket of this.#sockets) socket.pause();
  }

  mend(): void {
    this.#state = "passing";
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
      this.#left -= bytes.length;
      if (this.#left < 0) this.cut();
    });
    for (const [socket, other] of [
      [near, far],
      [far, near],
    ] as const) {
      this.#sockets.add(socket);
      socket.on("data", (bytes) => other.write(bytes));
      socket.on("error", () => {});
      socket.on("close", () => {
        this.#sockets.delete(socket);
        other.destroy();
      });
      if (this.#state === "silent") socket.pause();
    }
  }
}
