import { type Clock, repeat } from "@hearth/platform";
import type { RedisConnections } from "./redis.js";
import type { RedisKeys } from "./redis-keys.js";

/** A turn lasts so long unless it is kept, and is asked for so often, ms. */
const TURN_MS = 15_000;
const ASK_MS = 5_000;

export interface TurnsDeps {
  readonly redis: Pick<RedisConnections, "commands">;
  readonly keys: RedisKeys;
  readonly clock: Clock;
  readonly self: { readonly id: string; readonly epoch: number };
}

/**
 * What one node does for all. While Redis is away nobody has a turn, and a node that was frozen finds out by its own clock
 * that its turn is over; so what is done has to bear being done twice, and seldom is.
 */
export class Turns implements Disposable {
  readonly #deps: TurnsDeps;
  /** Until when each turn of this node lasts, on its clock. */
  readonly #until = new Map<string, number>();
  readonly #asking: Disposable[] = [];

  constructor(deps: TurnsDeps) {
    this.#deps = deps;
  }

  /** Asks for this turn from now on. @returns whether this node has it now */
  join(what: string): () => boolean {
    const ask = (): void => void this.#ask(what);
    ask();
    this.#asking.push(repeat(this.#deps.clock, ASK_MS, ask));
    return () => this.#deps.clock.now() < (this.#until.get(what) ?? 0);
  }

  [Symbol.dispose](): void {
    for (const asking of this.#asking) asking[Symbol.dispose]();
    this.#until.clear();
  }

  async #ask(what: string): Promise<void> {
    const { redis, keys, clock, self } = this.#deps;
    const askedAt = clock.now();
    try {
      const has = await redis.commands.takeTurn(keys.turn(what), `${self.id} ${self.epoch}`, TURN_MS);
      this.#until.set(what, has === 1 ? askedAt + TURN_MS : 0);
    } catch {
      // The turn that it has goes on to its end.
    }
  }
}
