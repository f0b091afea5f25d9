import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";

/** A server on a port of this machine that is free, until it is disposed of. */
export abstract class LocalServer implements AsyncDisposable {
  readonly #server: Server = createServer((asked, answer) => void this.handle(asked, answer));

  protected abstract handle(asked: IncomingMessage, answer: ServerResponse): void | Promise<void>;

  async listen(): Promise<this> {
    this.#server.listen(0, "127.0.0.1");
    await once(this.#server, "listening");
    return this;
  }

  /** Base URL, up to `/v1`. */
  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/v1`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}
