import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";

/** Gives each connection to the next coordinator that takes one: what any load balancer does, and no more. */
export class Balancer {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #ports: () => readonly number[];
  #next = 0;

  private constructor(ports: () => readonly number[]) {
    this.#ports = ports;
    this.#server = createServer((near) => this.#forward(near, this.#ports().length));
  }

  /** @param ports of the coordinators, on this machine */
  static async start(ports: () => readonly number[]): Promise<Balancer> {
    const balancer = new Balancer(ports);
    balancer.#server.listen(0, "127.0.0.1");
    await once(balancer.#server, "listening");
    return balancer;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  close(): void {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
  }

  #forward(near: Socket, tries: number): void {
    const ports = this.#ports();
    const port = ports[this.#next++ % ports.length];
    if (port === undefined || tries === 0) return void near.destroy();
    const far = connect(port, "127.0.0.1");
    far.once("error", () => this.#forward(near, tries - 1));
    far.once("connect", () => {
      far.removeAllListeners("error");
      near.pipe(far).pipe(near);
      for (const [one, other] of [
        [near, far],
        [far, near],
      ] as const) {
        this.#sockets.add(one);
        one.on("error", () => other.destroy());
        one.on("close", () => {
          this.#sockets.delete(one);
          other.destroy();
        });
      }
    });
  }
}
