import { Worker } from "node:worker_threads";
import { StoreError } from "../store-error.js";
import { errorOf } from "../thread/error-record.js";
import type { GroupRunner } from "./grouped-engine.js";
import type { Answer, Request } from "./run-group.js";
import type { FromWorker, ToWorker, WorkerStart } from "./worker.js";

/** Built, also where this file runs from its source: a thread of Node's reads no TypeScript. */
const PROGRAM = new URL("../../../dist/store/sqlite/worker.js", import.meta.url);

interface Expected<T> {
  readonly promise: Promise<T>;
  readonly resolve: (value: T) => void;
  readonly reject: (error: Error) => void;
}

function expected<T>(): Expected<T> {
  let settle: Omit<Expected<T>, "promise"> = { resolve() {}, reject() {} };
  const promise = new Promise<T>((resolve, reject) => {
    settle = { resolve, reject };
  });
  // Whoever does not wait for it does not see it fail.
  promise.catch(() => {});
  return { promise, ...settle };
}

/** A thread that owns `hearth.db`. When it dies, everything that is asked of it fails from then on. */
export class WorkerRunner implements GroupRunner {
  readonly #worker: Worker;
  readonly #opened = expected<void>();
  readonly #ended = expected<void>();
  #answers: Expected<readonly Answer[]> | undefined;
  #farewell: Error | undefined;
  #closing = false;
  #dead: StoreError | undefined;

  private constructor(start: WorkerStart, program: URL) {
    this.#worker = new Worker(program, { workerData: start, execArgv: [], env: {}, name: "store" });
    this.#worker.on("message", (message: FromWorker) => this.#hear(message));
    this.#worker.on("error", (error) => this.#die(error));
    this.#worker.on("exit", () => {
      this.#die(undefined);
      if (this.#farewell === undefined) this.#ended.resolve();
      else this.#ended.reject(this.#farewell);
    });
  }

  /** @throws StoreError as `openDatabase` */
  static async open(start: WorkerStart, program: URL = PROGRAM): Promise<WorkerRunner> {
    const runner = new WorkerRunner(start, program);
    await runner.#opened.promise;
    // What has been asked keeps the process running, an idle store does not.
    runner.#worker.unref();
    return runner;
  }

  async run(requests: readonly Request[]): Promise<readonly Answer[]> {
    if (this.#dead !== undefined) throw this.#dead;
    this.#worker.ref();
    const answers = expected<readonly Answer[]>();
    this.#answers = answers;
    try {
      this.#tell({ type: "run", requests });
      return await answers.promise;
    } finally {
      this.#answers = undefined;
      this.#worker.unref();
    }
  }

  /** Ends when the thread has: the lock on the file goes with it. */
  async close(): Promise<void> {
    if (this.#dead !== undefined) return;
    this.#closing = true;
    this.#worker.ref();
    this.#tell({ type: "close" });
    await this.#ended.promise;
  }

  #tell(message: ToWorker): void {
    this.#worker.postMessage(message);
  }

  #hear(message: FromWorker): void {
    switch (message.type) {
      case "opened":
        return this.#opened.resolve();
      case "answers":
        return this.#answers?.resolve(message.answers);
      case "ended":
        this.#farewell = message.error && errorOf(message.error);
    }
  }

  #die(cause: Error | undefined): void {
    this.#dead ??= this.#closing ? new StoreError("closed", "The store has been closed.") : gone(cause);
    this.#answers?.reject(this.#dead);
    this.#opened.reject(this.#farewell ?? this.#dead);
  }
}

function gone(cause?: Error): StoreError {
  const options = cause === undefined ? undefined : { cause };
  return new StoreError("away", "The thread that keeps hearth.db has died: restart the coordinator.", options);
}
