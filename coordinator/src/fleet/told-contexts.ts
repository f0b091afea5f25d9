import { BoundedMap } from "@hearth/platform";
import { LIMITS } from "@hearth/protocol";
import type { SealedRequest } from "./provider-link.js";

/**
 * The sealing contexts that a machine was told of on one connection. Each coordinator that seals for it has its own. The
 * machine holds so many, and drops the one that was used least recently: as many are remembered here, in the same order.
 */
export class ToldContexts {
  /** Most machines hear of one coordinator only. */
  #latest = "";
  #others: BoundedMap<string, true> | undefined;

  /** @returns whether the machine has to be told of it before a request under it */
  isNew({ context_id: id, replaces }: SealedRequest["context"]): boolean {
    if (this.#latest === id) return false;
    const isKnown = this.#others?.has(id) === true;
    if (replaces !== undefined) this.#forget(replaces);
    if (this.#latest !== "") {
      this.#others ??= new BoundedMap(LIMITS.contextsPerConnection - 1);
      this.#others.set(this.#latest, true);
    }
    this.#others?.delete(id);
    this.#latest = id;
    return !isKnown;
  }

  #forget(id: string): void {
    if (this.#latest === id) this.#latest = "";
    this.#others?.delete(id);
  }
}
