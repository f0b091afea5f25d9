import type { Usage } from "@hearth/protocol";
import type { Attempt, Chunk, Outcome } from "../dispatch/types.js";
import { HearthError } from "../platform/errors.js";
import type { Consumer, Reply } from "./consumer.js";

/** How a request ended for its consumer. */
export type Ending = Outcome["type"];

export interface RelayHooks<A extends Attempt> {
  /** Called exactly once, before the end is told; the end waits for a promise of it. */
  settle(outcome: Outcome<A>): Promise<void> | void;
  /**
   * The reply threw over what the winner had sent.
   *
   * @param choice which of several answers it was about, where that is known
   * @returns what the consumer is told
   */
  undigested(thrown: unknown, choice?: number): HearthError;
  /** A chunk has been handed to the consumer. */
  delivered?(chunk: Chunk): void;
  /** Why the stream was called off from this side, where it was: that is what the consumer is told. */
  calledOff?(): HearthError | undefined;
  /**
   * Opens the answer before it has begun, when that takes long: for clients that give up without a head. What goes wrong
   * from then on is told in-band. Called once, and its timer is gone when the answer is over.
   */
  opensEarly?(open: () => void): Disposable;
}

/**
 * Carries the winner's chunks to the consumer at the consumer's pace, then tells how it ended: a failure before the
 * first chunk as an HTTP error, one after it in-band. `settle` is called exactly once, before the end is told, so that
 * a consumer who has seen the end finds it in the books. A chunk that the reply cannot digest is its provider's fault.
 *
 * @returns how it ended for the consumer
 */
export async function relay<A extends Attempt>(
  stream: AsyncGenerator<readonly Chunk[], Outcome<A>>,
  reply: Reply,
  consumer: Consumer,
  hooks: RelayHooks<A>,
): Promise<Ending> {
  let opened = false;
  const open = (): void => {
    if (!opened) reply.open();
    opened = true;
  };
  const early = hooks.opensEarly?.(open);
  let outcome: Outcome<A> = { type: "cancelled", committed: false, reason: "consumer_gone" };
  try {
    for (;;) {
      const next = await stream.next();
      if (next.done === true) {
        outcome = calledOffOr(next.value, opened, hooks);
        break;
      }
      open();
      for (const chunk of next.value) {
        const drained = digest(hooks, () => reply.write(chunk), chunk.choice);
        if (drained !== undefined) await drained;
        hooks.delivered?.(chunk);
      }
    }
  } catch (thrown) {
    outcome = outcomeOf(HearthError.from(thrown), opened);
    await stream.return(outcome);
  } finally {
    early?.[Symbol.dispose]();
    const settled = hooks.settle(outcome);
    if (settled !== undefined) await settled;
  }
  if (outcome.type === "success") {
    open();
    return complete(reply, outcome.usage, hooks);
  }
  tell(outcome, opened, reply, consumer);
  return outcome.type;
}

function calledOffOr<A extends Attempt>(
  outcome: Outcome<A>,
  committed: boolean,
  { calledOff }: RelayHooks<A>,
): Outcome<A> {
  const error = outcome.type === "cancelled" ? calledOff?.() : undefined;
  return error === undefined ? outcome : { type: "failed", committed, error };
}

/** The books are closed by now: what the answer costs was spent, even where it cannot be written down. */
function complete(reply: Reply, usage: Usage, hooks: Pick<RelayHooks<Attempt>, "undigested">): Ending {
  try {
    digest(hooks, () => reply.complete(usage));
    return "success";
  } catch (thrown) {
    reply.fail(HearthError.from(thrown));
    return "failed";
  }
}

/** Runs what turns a provider's words into the consumer's. What it throws is about those words. */
function digest<T>(hooks: Pick<RelayHooks<Attempt>, "undigested">, work: () => T, choice?: number): T {
  try {
    return work();
  } catch (thrown) {
    throw thrown instanceof HearthError && thrown.code === "cancelled" ? thrown : hooks.undigested(thrown, choice);
  }
}

/** Writing failed: the consumer was cut off, or the reply itself is broken. */
function outcomeOf(error: HearthError, committed: boolean): Exclude<Outcome, { type: "success" }> {
  if (error.code === "cancelled") return { type: "cancelled", committed, reason: "consumer_gone" };
  return { type: "failed", committed, error };
}

function tell(outcome: Exclude<Outcome, { type: "success" }>, opened: boolean, reply: Reply, consumer: Consumer): void {
  switch (outcome.type) {
    case "failed":
      return opened ? reply.fail(outcome.error) : consumer.sendError(outcome.error);
    case "cancelled":
      return tellCancelled(outcome.reason, opened, reply, consumer);
  }
}

/** Only a shutdown leaves somebody to tell. */
function tellCancelled(reason: string, opened: boolean, reply: Reply, consumer: Consumer): void {
  if (reason !== "shutdown") return;
  const error = new HearthError("shutting_down", "The coordinator is restarting.", { retryAfterSeconds: 2 });
  if (opened) reply.fail(error);
  else consumer.sendError(error);
}
