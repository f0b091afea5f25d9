import type { Engine, InputOf, OperationName, ResultOf } from "../operations/registry.js";
import { Waiting } from "../operations/waiting.js";
import { errorOf } from "../thread/error-record.js";
import { type OpenDatabase, type Request, runGroup } from "./run-group.js";

/** Operations of one group at most: the last of them is answered with the first. */
const MAX_GROUP = 256;

interface Asked {
  readonly request: Request;
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Works in the thread that asks it, and holds it up meanwhile. What is asked in a turn is one group: the more is asked,
 * the fewer commits it takes.
 */
export class GroupedEngine implements Engine {
  readonly #database: OpenDatabase;
  readonly #waiting: Waiting;
  #asked: Asked[] = [];
  #pumping = false;
  #closed: Promise<void> | undefined;

  constructor(database: OpenDatabase, maxWaiting: number) {
    this.#database = database;
    this.#waiting = new Waiting(maxWaiting);
  }

  async run<N extends OperationName>(name: N, input: InputOf<N>): Promise<ResultOf<N>> {
    this.#waiting.enter();
    try {
      return await new Promise<ResultOf<N>>((resolve, reject) => {
        this.#asked.push({ request: { name, input }, resolve: (result) => resolve(result as ResultOf<N>), reject });
        if (!this.#pumping) void this.#pump();
      });
    } finally {
      this.#waiting.leave();
    }
  }

  close(): Promise<void> {
    this.#closed ??= this.#waiting.close().then(() => this.#database.connection.close());
    return this.#closed;
  }

  async #pump(): Promise<void> {
    this.#pumping = true;
    // Whoever asks in the same turn comes along.
    await Promise.resolve();
    while (this.#asked.length > 0) await this.#runGroup(this.#asked.splice(0, MAX_GROUP));
    this.#pumping = false;
  }

  async #runGroup(group: readonly Asked[]): Promise<void> {
    try {
      const answers = await runGroup(
        this.#database,
        group.map(({ request }) => request),
      );
      for (const [n, { resolve, reject }] of group.entries()) {
        const answer = answers[n];
        if (answer?.type === "done") resolve(answer.result);
        else reject(answer === undefined ? new Error("The store did not answer.") : errorOf(answer.error));
      }
    } catch (error) {
      for (const { reject } of group) reject(error);
    }
  }
}
