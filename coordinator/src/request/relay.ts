import type { Usage } from "@hearth/protocol";
import type { Attempt, Chunk, Outcome } from "../dispatch/types.js";
import { HearthError } from "../platform/errors.js";
import type { Consumer, Reply } from "./consumer.js";

/** How a request ended for its consumer. */
export type Ending = Outcome["type"];

export interface RelayHooks<A extends Attempt> {
  /** Called exactly once, before the consumer is told the end, which waits for a promise. */
  settle(outcome: Outcome<A>): Promise<void> | void;
  /**
   * The reply threw while it handled what the winner had sent.
   *
   * @param choice which of several answers it was about, if that is known
   * @returns the error for the consumer
   */
  undigested(thrown: unknown, choice?: number): HearthError;
  /** A chunk has been handed to the consumer. */
  delivered?(chunk: Chunk): void;
  /** If the coordinator called the stream off: the error for the consumer. */
  calledOff?(): HearthError | undefined;
  /**
   * Arranges for the stream to be opened before its first content if that takes long, for clients that give up without
   * response headers. Errors are in-band from then on. Called once; the result is disposed when the answer is over.
   */
  opensEarly?(open: () => void): Disposable;
}

/**
 * Carries the winner's chunks to the consumer at the consumer's pace, then tells how it ended: a failure before the
 * first chunk as an HTTP error, one after it in-band. `settle` is called exactly once, before the end is told, so that
 * cost, usage and receipt are recorded by then. A chunk that the reply cannot handle is its provider's fault.
 *
 * @returns how it ended for the consumer
 * @throws what `settle` throws, once a consumer who has a part of the answer has been told that it failed
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
    const closing = closeBooks(hooks, outcome, opened ? reply : undefined);
    if (closing !== undefined) await closing;
  }
  if (outcome.type === "success") {
    open();
    return complete(reply, outcome.usage, hooks);
  }
  tell(outcome, opened, reply, consumer);
  return outcome.type;
}

/** @param begun who has been given a part, and would wait for ever where the books cannot be closed */
function closeBooks<A extends Attempt>(
  { settle }: Pick<RelayHooks<A>, "settle">,
  outcome: Outcome<A>,
  begun: Reply | undefined,
): Promise<void> | undefined {
  const failed = (thrown: unknown): never => {
    begun?.fail(HearthError.from(thrown));
    throw thrown;
  };
  try {
    const closing = settle(outcome);
    return closing instanceof Promise ? closing.catch(failed) : undefined;
  } catch (thrown) {
    return failed(thrown);
  }
}

function calledOffOr<A extends Attempt>(
  outcome: Outcome<A>,
  committed: boolean,
  { calledOff }: RelayHooks<A>,
): Outcome<A> {
  const error = outcome.type === "cancelled" ? calledOff?.() : undefined;
  return error === undefined ? outcome : { type: "failed", committed, error };
}

/** The request is settled by now, so its cost stands even if the end of the answer cannot be written. */
function complete(reply: Reply, usage: Usage, hooks: Pick<RelayHooks<Attempt>, "undigested">): Ending {
  try {
    digest(hooks, () => reply.complete(usage));
    return "success";
  } catch (thrown) {
    reply.fail(HearthError.from(thrown));
    return "failed";
  }
}

/** Runs code that translates for the consumer. Whatever it throws is taken to be caused by the provider's bytes. */
function digest<T>(hooks: Pick<RelayHooks<Attempt>, "undigested">, work: () => T, choice?: number): T {
  try {
    return work();
  } catch (thrown) {
    throw thrown instanceof HearthError && thrown.code === "cancelled" ? thrown : hooks.undigested(thrown, choice);
  }
}

/** The outcome after a failed write: the consumer was cut off, or the reply is broken. */
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

/** Tells the consumer of a shutdown. After any other cancel there is nobody to tell. */
function tellCancelled(reason: string, opened: boolean, reply: Reply, consumer: Consumer): void {
  if (reason !== "shutdown") return;
  const error = new HearthError("shutting_down", "The coordinator is restarting.", { retryAfterSeconds: 2 });
  if (opened) reply.fail(error);
  else consumer.sendError(error);
}
