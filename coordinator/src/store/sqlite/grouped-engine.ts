import type { Engine, InputOf, OperationName, ResultOf } from "../operations/registry.js";
import { Waiting } from "../operations/waiting.js";
import { errorOf } from "../thread/error-record.js";
import type { Answer, Request } from "./run-group.js";

/** Operations of one group at most: the last of them is answered with the first. */
const MAX_GROUP = 256;

/** Who carries groups out, one after the other. */
export interface GroupRunner {
  /** One answer for each request, in their order. @throws when there is nobody any more to answer */
  run(requests: readonly Request[]): Promise<readonly Answer[]>;
  /** Lets go of the database. Nothing is asked of it afterwards. */
  close(): Promise<void>;
}

interface Asked {
  readonly request: Request;
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: unknown) => void;
}

/** Gathers what is asked while a group is under way into the next one: the more is asked, the fewer commits it takes. */
export class GroupedEngine implements Engine {
  readonly #runner: GroupRunner;
  readonly #waiting: Waiting;
  #asked: Asked[] = [];
  #pumping = false;
  #closed: Promise<void> | undefined;

  constructor(runner: GroupRunner, maxWaiting: number) {
    this.#runner = runner;
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
    this.#closed ??= this.#waiting.close().then(() => this.#runner.close());
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
      const answers = await this.#runner.run(group.map(({ request }) => request));
      for (const [n, { resolve, reject }] of group.entries()) {
        const answer = answers[n];
        if (answer?.type === "done") resolve(answer.result);
        else reject(answer === undefined ? new Error("The store did not answer.") : errorOf(answer.error));
      }
    } catch (error) {
      if (group.length > 1 && isUncloneable(error)) return await this.#runEach(group);
      for (const { reject } of group) reject(error);
    }
  }

  async #runEach(group: readonly Asked[]): Promise<void> {
    for (const asked of group) await this.#runGroup([asked]);
  }
}

/** One input cannot cross the thread, so nothing was sent: the others need not suffer for it. */
function isUncloneable(error: unknown): boolean {
  return error instanceof Error && error.name === "DataCloneError";
}
