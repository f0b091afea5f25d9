import type { Gate, HeartbeatAckFrame, Rejections } from "@hearth/protocol";

/** What came of one machine in selection since it was last told: a number a gate at most, however much happens. */
export class WorkTally {
  #picked = 0;
  #lost = 0;
  #rejected: Rejections = {};

  picked(): void {
    this.#picked += 1;
  }

  /** Nothing was against it, and somebody else was chosen. */
  lost(): void {
    this.#lost += 1;
  }

  rejected(gate: Gate): void {
    this.#rejected[gate] = (this.#rejected[gate] ?? 0) + 1;
  }

  /** Tells what has been counted, and begins anew. */
  take(): Pick<HeartbeatAckFrame, "picked" | "lost" | "rejected"> {
    const taken = { picked: this.#picked, lost: this.#lost, rejected: this.#rejected };
    this.#picked = 0;
    this.#lost = 0;
    this.#rejected = {};
    return taken;
  }
}
