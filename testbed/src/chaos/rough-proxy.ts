import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";

/** A TCP proxy that can be made to behave like the worst networks between an agent and its coordinator. */
export class RoughProxy implements AsyncDisposable {
  /** Where to dial, host and port. */
  readonly address: string;
  readonly #pairs = new Set<readonly [Socket, Socket]>();
  readonly #close: () => Promise<void>;

  private constructor(address: string, close: () => Promise<void>) {
    this.address = address;
    this.#close = close;
  }

  /** @param port where the coordinator listens on this machine */
  static async start(port: number): Promise<RoughProxy> {
    const server = createServer((near) => proxy.#pair(near, connect(port, "127.0.0.1")));
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    const { port: own } = server.address() as AddressInfo;
    const proxy = new RoughProxy(`127.0.0.1:${own}`, async () => {
      server.close();
      await once(server, "close");
    });
    return proxy;
  }

  /** Resets every connection. */
  reset(): void {
    for (const pair of this.#pairs) for (const socket of pair) socket.resetAndDestroy();
  }

  /** Holds back every byte, both ways; what was held back goes on when the returned function is called. */
  stall(): () => void {
    const sockets = [...this.#pairs].flat();
    for (const socket of sockets) socket.pause();
    return () => {
      for (const socket of sockets) if (!socket.destroyed) socket.resume();
    };
  }

  /** Swallows every byte of the connections of now, both ways, for ever: a peer that vanished without a word. */
  halfOpen(): void {
    for (const [near, far] of this.#pairs) {
      near.unpipe(far).resume();
      far.unpipe(near).resume();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = this.#close();
    this.reset();
    await closed;
  }

  #pair(near: Socket, far: Socket): void {
    const pair = [near, far] as const;
    this.#pairs.add(pair);
    near.pipe(far).pipe(near);
    for (const socket of pair) {
      socket.on("error", () => {});
      socket.on("close", () => {
        this.#pairs.delete(pair);
        for (const each of pair) each.destroy();
      });
    }
  }
}
