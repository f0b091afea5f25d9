import { setImmediate as nextTurn } from "node:timers/promises";

/** Work that may be interrupted where it yields. */
export type Steps<T> = Generator<void, T>;

/** Bodies up to this size, bytes, are read in one go: with all that their values may cost they take a few milliseconds. */
const ONE_GO_BYTES = 64 * 1024;

/** Whether the steps of a body of this size, bytes, are done in turns. */
export const spansTurns = (sizeBytes: number): boolean => sizeBytes > ONE_GO_BYTES;

/** Does all steps at once. */
export function inOneGo<T>(steps: Steps<T>): T {
  for (;;) {
    const step = steps.next();
    if (step.done) return step.value;
  }
}

/**
 * Does the steps of a large body in a turn of the event loop each, so that everybody else's work comes between.
 *
 * @param sizeBytes of the body; a small one's steps are done at once
 */
export function inTurns<T>(steps: Steps<T>, sizeBytes: number): T | Promise<T> {
  return spansTurns(sizeBytes) ? inManyTurns(steps) : inOneGo(steps);
}

/** Does each step in a turn of the event loop. */
export async function inManyTurns<T>(steps: Steps<T>): Promise<T> {
  for (;;) {
    const step = steps.next();
    if (step.done) return step.value;
    await nextTurn();
  }
}
