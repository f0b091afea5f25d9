import { SHARE_ENV, Worker } from "node:worker_threads";
import type { Engine, InputOf, OperationName, ResultOf } from "../operations/registry.js";
import { Waiting } from "../operations/waiting.js";
import { StoreError } from "../store-error.js";
import { errorOf } from "./error-record.js";
import type { Answer, FromThread, Request, ToThread } from "./messages.js";

export interface ThreadStart {
  /** What the thread runs: it serves an engine on its parent's port. */
  readonly program: URL;
  /** For the program; it is copied. */
  readonly data: unknown;
  readonly maxWaiting: number;
}

interface Asked {
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: unknown) => void;
}

/** An engine in a thread of its own: what it costs is not the event loop's. When it dies, everything fails from then on. */
export class EngineThread implements Engine {
  readonly #worker: Worker;
  readonly #waiting: Waiting;
  readonly #asked = new Map<number, Asked>();
  readonly #ended: Promise<void>;
  #unsent: Request[] = [];
  #lastId = 0;
  #farewell: Error | undefined;
  #dead: StoreError | undefined;
  #closed: Promise<void> | undefined;

  private constructor(worker: Worker, maxWaiting: number) {
    this.#worker = worker;
    this.#waiting = new Waiting(maxWaiting);
    this.#ended = new Promise((resolve) => worker.on("exit", () => resolve()));
    worker.on("message", (message: FromThread) => this.#hear(message));
    worker.on("error", (error) => this.#die(error));
    worker.on("exit", () => this.#die(undefined));
  }

  /** @throws StoreError as whatever the program opens */
  static async open({ program, data, maxWaiting }: ThreadStart): Promise<EngineThread> {
    const worker = new Worker(program, { workerData: data, execArgv: [], env: SHARE_ENV, name: "store" });
    const opened = new Promise<void>((resolve) => {
      worker.on("message", ({ type }: FromThread) => type === "opened" && resolve());
    });
    const thread = new EngineThread(worker, maxWaiting);
    await Promise.race([opened, thread.#ended]);
    if (thread.#dead !== undefined) throw thread.#farewell ?? thread.#dead;
    // What has been asked keeps the process running, an idle store does not.
    worker.unref();
    return thread;
  }

  async run<N extends OperationName>(name: N, input: InputOf<N>): Promise<ResultOf<N>> {
    if (this.#dead !== undefined) throw this.#dead;
    this.#waiting.enter();
    try {
      return (await this.#ask(name, input)) as ResultOf<N>;
    } finally {
      this.#waiting.leave();
    }
  }

  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    await this.#waiting.close();
    if (this.#dead !== undefined) return;
    this.#dead = new StoreError("closed", "The store has been closed.");
    this.#worker.ref();
    this.#tell({ type: "close" });
    await this.#ended;
    if (this.#farewell !== undefined) throw this.#farewell;
  }

  #ask(name: OperationName, input: unknown): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const id = ++this.#lastId;
      if (this.#asked.size === 0) this.#worker.ref();
      this.#asked.set(id, { resolve, reject });
      // Whoever asks in the same turn comes along: a message costs more than what is in it.
      if (this.#unsent.push({ id, name, input }) === 1) queueMicrotask(() => this.#send(this.#unsent.splice(0)));
    });
  }

  #send(requests: readonly Request[]): void {
    try {
      this.#tell({ type: "run", requests });
    } catch (error) {
      // One input cannot cross the thread, so nothing was sent: the others need not suffer for it.
      if (requests.length > 1) for (const request of requests) this.#send([request]);
      else for (const { id } of requests) this.#take(id)?.reject(error);
    }
  }

  #tell(message: ToThread): void {
    this.#worker.postMessage(message);
  }

  #hear(message: FromThread): void {
    switch (message.type) {
      case "opened":
        return;
      case "answers":
        for (const answer of message.answers) this.#settle(answer);
        return;
      case "ended":
        this.#farewell = message.error && errorOf(message.error);
    }
  }

  #settle(answer: Answer): void {
    const asked = this.#take(answer.id);
    if (answer.type === "done") asked?.resolve(answer.result);
    else asked?.reject(errorOf(answer.error));
  }

  #take(id: number): Asked | undefined {
    const asked = this.#asked.get(id);
    this.#asked.delete(id);
    if (this.#asked.size === 0) this.#worker.unref();
    return asked;
  }

  #die(cause: Error | undefined): void {
    this.#dead ??= gone(cause);
    for (const id of [...this.#asked.keys()]) this.#take(id)?.reject(this.#dead);
  }
}

function gone(cause?: Error): StoreError {
  const options = cause === undefined ? undefined : { cause };
  return new StoreError("away", "The thread that keeps the store has died: restart the coordinator.", options);
}
