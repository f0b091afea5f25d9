import type { MoneyAnswer, MoneyRequest } from "../operations/carry-out.js";

/** Operations of one group at most: the last of them is answered with the first. */
const MAX_GROUP = 256;
/** Groups that are under way at once. */
const MAX_AT_ONCE = 1;

interface Asked {
  readonly request: MoneyRequest;
  readonly resolve: (result: unknown) => void;
  readonly reject: (error: unknown) => void;
}

/** Gathers what is asked while others are under way: the more is asked, the fewer transactions it takes. */
export class MoneyGroups {
  readonly #carryOut: (requests: readonly MoneyRequest[]) => Promise<readonly MoneyAnswer[]>;
  #asked: Asked[] = [];
  #underWay = 0;

  /** @param carryOut answers each of them, in their order, or throws what has kept all of them from being done */
  constructor(carryOut: (requests: readonly MoneyRequest[]) => Promise<readonly MoneyAnswer[]>) {
    this.#carryOut = carryOut;
  }

  ask(request: MoneyRequest): Promise<unknown> {
    return new Promise((resolve, reject) => {
      this.#asked.push({ request, resolve, reject });
      if (this.#underWay < MAX_AT_ONCE) void this.#pump();
    });
  }

  /** Nobody of those who wait now gets a turn. */
  turnAway(error: unknown): void {
    for (const { reject } of this.#asked.splice(0)) reject(error);
  }

  async #pump(): Promise<void> {
    this.#underWay++;
    // Whoever asks in the same turn comes along.
    await Promise.resolve();
    while (this.#asked.length > 0) await this.#runGroup(this.#asked.splice(0, MAX_GROUP));
    this.#underWay--;
  }

  async #runGroup(group: readonly Asked[]): Promise<void> {
    try {
      const answers = await this.#carryOut(group.map(({ request }) => request));
      for (const [n, { resolve, reject }] of group.entries()) {
        const answer = answers[n];
        if (answer?.type === "done") resolve(answer.result);
        else reject(answer?.error ?? new Error("The store did not answer."));
      }
    } catch (error) {
      for (const { reject } of group) reject(error);
    }
  }
}
