import { connect, type Socket } from "node:net";
import { type Answer, readAnswer } from "./answer.js";
import type { Job } from "./job.js";
import { ResponseReader } from "./response-reader.js";

/** An answer that takes longer counts as broken, ms. */
const STALL_MS = 20_000;

/** How one request went; times in ms. `problem` absent = complete. */
export interface Exchange {
  readonly latencyMs: number;
  readonly firstContentMs: number;
  readonly problem?: string;
}

interface Current {
  readonly answer: Answer;
  readonly startedAt: number;
  readonly settle: (exchange: Exchange) => void;
  firstContentAt: number;
}

/** One kept-alive connection that does one request at a time. After a problem it is of no more use. */
export class Connection {
  readonly #socket: Socket;
  readonly #reader: ResponseReader;
  #current: Current | undefined;
  #broken: string | undefined;

  private constructor(socket: Socket) {
    this.#socket = socket;
    this.#reader = new ResponseReader({
      head: (status, type) => this.#current?.answer.head(status, type),
      body: (bytes) => this.#current?.answer.body(bytes),
      end: () => this.#settle(this.#current?.answer.end()),
    });
    socket.on("data", (bytes) => this.#receive(bytes));
    socket.on("error", (error) => this.#break(error.message));
    socket.on("close", () => this.#break(this.#reader.midway ? "truncated" : "closed"));
    socket.on("timeout", () => this.#break("stalled"));
  }

  /** @throws Error when nobody listens there */
  static open(port: number): Promise<Connection> {
    return new Promise((resolve, reject) => {
      const socket = connect({ port, host: "127.0.0.1", noDelay: true });
      socket.once("error", reject);
      socket.once("connect", () => {
        socket.off("error", reject);
        socket.setTimeout(STALL_MS);
        resolve(new Connection(socket));
      });
    });
  }

  /** @param onContent called with every piece of text as it arrives */
  exchange(job: Job, onContent: (text: string) => void = () => {}): Promise<Exchange> {
    return new Promise((settle) => {
      const current: Current = {
        answer: readAnswer(job.expected, (text) => {
          current.firstContentAt ||= performance.now();
          onContent(text);
        }),
        startedAt: performance.now(),
        settle,
        firstContentAt: 0,
      };
      this.#current = current;
      if (this.#broken === undefined) this.#socket.write(job.bytes);
      else this.#settle(this.#broken);
    });
  }

  close(): void {
    this.#socket.destroy();
  }

  #receive(bytes: Buffer): void {
    if (this.#current === undefined) return this.#break("bytes after the answer");
    try {
      this.#reader.push(bytes);
    } catch (error) {
      return this.#break((error as Error).message);
    }
    if (this.#current === undefined && this.#reader.midway) this.#break("bytes after the answer");
  }

  #break(problem: string): void {
    this.#broken ??= problem;
    this.#socket.destroy();
    this.#settle(problem);
  }

  #settle(problem: string | undefined): void {
    const current = this.#current;
    if (current === undefined) return;
    this.#current = undefined;
    const now = performance.now();
    const times = { latencyMs: now - current.startedAt, firstContentMs: current.firstContentAt - current.startedAt };
    current.settle(problem === undefined ? times : { ...times, problem });
  }
}
