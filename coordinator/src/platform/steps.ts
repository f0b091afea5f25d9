import { setImmediate as nextTurn } from "node:timers/promises";

/** Work that may be interrupted where it yields. */
export type Steps<T> = Generator<void, T>;

/** Bodies up to this size are read in one go, which takes a few milliseconds at most, bytes. */
const ONE_GO_BYTES = 64 * 1024;

/** Whether a body of this size is read over several turns of the event loop. */
export const spansTurns = (sizeBytes: number): boolean => sizeBytes > ONE_GO_BYTES;

/** Does all steps at once. */
export function inOneGo<T>(steps: Steps<T>): T {
  for (;;) {
    const step = steps.next();
    if (step.done) return step.value;
  }
}

/**
 * Does each step of a large body in its own turn of the event loop, so that other work comes in between.
 *
 * @param sizeBytes of the body; a small one's steps are done at once
 */
export function inTurns<T>(steps: Steps<T>, sizeBytes: number): T | Promise<T> {
  return spansTurns(sizeBytes) ? inManyTurns(steps) : inOneGo(steps);
}

/** Does each step in its own turn of the event loop. */
export async function inManyTurns<T>(steps: Steps<T>): Promise<T> {
  for (;;) {
    const step = steps.next();
    if (step.done) return step.value;
    await nextTurn();
  }
}
