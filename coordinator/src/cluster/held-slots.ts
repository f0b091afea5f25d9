import type { ProviderId } from "@hearth/protocol";

type Counts = Record<string, Record<string, number>>;

const NONE: Readonly<Counts> = {};

/** Slots of our machines that requests of other nodes hold. */
export class HeldSlots {
  readonly #counts = new Map<ProviderId, Counts>();

  /** By node and model. */
  of(provider: ProviderId): Readonly<Counts> {
    return this.#counts.get(provider) ?? NONE;
  }

  /** Counts one until it is disposed. */
  hold(provider: ProviderId, node: string, model: string): Disposable {
    this.#count(provider, [node, model], 1);
    let isHeld = true;
    return {
      [Symbol.dispose]: () => {
        if (isHeld) this.#count(provider, [node, model], -1);
        isHeld = false;
      },
    };
  }

  #count(provider: ProviderId, [node, model]: readonly [string, string], by: 1 | -1): void {
    const counts = this.#counts.get(provider) ?? {};
    this.#counts.set(provider, counts);
    const ofNode = counts[node] ?? {};
    counts[node] = ofNode;
    const now = (ofNode[model] ?? 0) + by;
    if (now > 0) ofNode[model] = now;
    else delete ofNode[model];
    if (Object.keys(ofNode).length === 0) delete counts[node];
    if (Object.keys(counts).length === 0) this.#counts.delete(provider);
  }
}
