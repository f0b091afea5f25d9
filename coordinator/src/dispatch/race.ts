import type { Clock } from "@hearth/platform";
import type { CancelReason } from "@hearth/protocol";
import { Alarms } from "../platform/alarms.js";
import { HearthError } from "../platform/errors.js";
import { toError } from "./failures.js";
import { step } from "./step.js";
import type {
  Attempt,
  AttemptEvent,
  AttemptFailure,
  AttemptIndex,
  Chunk,
  DispatchEffect,
  DispatchInput,
  DispatchPolicy,
  DispatchResult,
  DispatchState,
  Outcome,
  StartResult,
  StartTerms,
  Success,
  TimerName,
} from "./types.js";

export interface RaceDeps<A extends Attempt> {
  /**
   * Picks a provider and sends it the request. At most `maxAttempts` that it starts come of it; must not throw. A promise
   * means that it waits for room; the signal, made only when it is asked for, ends the waiting.
   */
  readonly startAttempt: StartAttempt<A>;
  /** Told once, before the winner's first chunk is yielded. */
  readonly committed?: (winner: A) => void;
  /** Told once, when the winner's answer is complete. */
  readonly answered?: (answer: Success<A>) => void;
  readonly policy: DispatchPolicy;
  readonly clock: Clock;
}

export type StartAttempt<A extends Attempt = Attempt> = (
  terms: StartTerms,
  signal: () => AbortSignal,
) => StartResult<A> | Promise<StartResult<A>>;

/**
 * Drives `step`: yields the winner's chunks, as many as are there, returns how it ended. Nothing is yielded before the
 * commit. More is pulled from the winner only when the consumer asks for more, so backpressure reaches the provider. However
 * the generator ends (also by `return()`), every attempt is cancelled or over and every timer is gone.
 */
export async function* race<A extends Attempt>(
  deps: RaceDeps<A>,
  signal: AbortSignal,
): AsyncGenerator<readonly Chunk[], Outcome<A>> {
  if (signal.aborted) return { type: "cancelled", committed: false, reason: abortReason(signal) };
  const run = new Race(deps);
  const onAbort = (): void => run.feed({ type: "abort", reason: abortReason(signal), now: deps.clock.now() });
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    run.feed({ type: "begin", now: deps.clock.now() });
    for (;;) {
      const chunks = run.takeChunks();
      if (chunks.length > 0) {
        const yieldedAt = deps.clock.now();
        run.yielding = true;
        yield chunks;
        run.yielding = false;
        run.resumed(yieldedAt);
      } else if (run.outcome !== undefined) {
        return run.outcome;
      } else {
        run.pull();
        await run.changed();
      }
    }
  } finally {
    signal.removeEventListener("abort", onAbort);
    run.dispose();
  }
}

/** Why the whole race may be called off. */
const ABORT_REASONS: readonly CancelReason[] = ["shutdown", "deadline", "superseded"];

/** What `signal.abort(reason)` was given, if it is one of ours. */
export function abortReason(signal: AbortSignal): CancelReason {
  return ABORT_REASONS.find((reason) => reason === signal.reason) ?? "consumer_gone";
}

/** A consumer that takes a chunk sooner than this has not made the provider wait. */
const SLOW_CONSUMER_MS = 1_000;

interface Lane<A extends Attempt> {
  /** Ends the wait for a slot; made for those that wait. */
  starting: AbortController | undefined;
  attempt: A | undefined;
  iterator: AsyncIterator<AttemptEvent> | undefined;
  /** A `next()` is under way. */
  pulling: boolean;
  over: boolean;
  cancelled: CancelReason | undefined;
  held: Chunk[];
}

function startSignal(lane: Lane<Attempt>): AbortSignal {
  lane.starting ??= new AbortController();
  return lane.starting.signal;
}

/** The mutable side of one request's dispatch: lanes, timers and the way out. All decisions are `step`'s. */
class Race<A extends Attempt> {
  outcome: Outcome<A> | undefined;
  /** The consumer has what there is and has not asked for more. */
  yielding = false;
  readonly #deps: RaceDeps<A>;
  readonly #lanes: Lane<A>[] = [];
  readonly #alarms: Alarms<TimerName>;
  #state: DispatchState = { phase: "idle" };
  #out: Chunk[] = [];
  #wake: (() => void) | undefined;

  constructor(deps: RaceDeps<A>) {
    this.#deps = deps;
    this.#alarms = new Alarms(deps.clock, (timer, at) => this.#rang(timer, at));
  }

  /** Hands an input to the machine, and does what it says. */
  feed(input: DispatchInput): void {
    const [state, effects] = step(this.#state, input, this.#deps.policy);
    this.#state = state;
    for (const effect of effects) {
      switch (effect.type) {
        case "open":
          this.#open(effect.attempt, effect.terms);
          break;
        case "cancel":
          this.#cancel(this.#lanes[effect.attempt], effect.reason);
          break;
        case "hold":
          this.#hold(effect);
          break;
        case "commit":
          this.#commit(effect.attempt);
          break;
        case "emit":
          this.#out.push(...effect.chunks);
          break;
        case "arm":
          this.#alarms.set(effect.timer, effect.at);
          break;
        case "finish":
          this.#finish(effect.result);
          break;
      }
    }
    if (effects.length > 0) this.#notify();
  }

  takeChunks(): readonly Chunk[] {
    const chunks = this.#out;
    if (chunks.length > 0) this.#out = [];
    return chunks;
  }

  /** The consumer is back for more. A long absence was its own, not the provider's. */
  resumed(yieldedAt: number): void {
    const now = this.#deps.clock.now();
    if (now - yieldedAt >= SLOW_CONSUMER_MS) this.feed({ type: "resumed", now });
  }

  /** Asks each live attempt for its next event, unless it was asked already. */
  pull(): void {
    for (const [index, lane] of this.#lanes.entries()) {
      if (lane.iterator === undefined || lane.pulling || lane.over) continue;
      lane.pulling = true;
      lane.iterator.next().then(
        (result) => this.#pulled(index, lane, result),
        () => this.#lost(index, lane),
      );
    }
  }

  /** Resolves when there may be something to do. */
  changed(): Promise<void> {
    if (this.#out.length > 0 || this.outcome !== undefined) return Promise.resolve();
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }

  dispose(): void {
    this.#alarms[Symbol.dispose]();
    for (const lane of this.#lanes) this.#cancel(lane, "consumer_gone");
  }

  #notify(): void {
    const wake = this.#wake;
    this.#wake = undefined;
    wake?.();
  }

  #hold({ attempt, chunk, instead }: Extract<DispatchEffect, { type: "hold" }>): void {
    const held = this.#lanes[attempt]?.held;
    if (instead) held?.pop();
    held?.push(chunk);
  }

  #open(index: AttemptIndex, terms: StartTerms): void {
    const lane: Lane<A> = {
      starting: undefined,
      attempt: undefined,
      iterator: undefined,
      pulling: false,
      over: false,
      cancelled: undefined,
      held: [],
    };
    this.#lanes[index] = lane;
    const started = this.#deps.startAttempt(terms, () => startSignal(lane));
    if (started instanceof Promise) void started.then((result) => this.#started(index, lane, result));
    else this.#started(index, lane, started);
  }

  #started(index: AttemptIndex, lane: Lane<A>, result: StartResult<A>): void {
    if (lane.cancelled !== undefined) {
      lane.over = true;
      if (result.type === "started") result.attempt.cancel(lane.cancelled);
      return;
    }
    // Not from within `step`'s own effects: the machine sees one input at a time.
    if (result.type === "unavailable") {
      lane.over = true;
      const { error } = result;
      return this.#soon(lane, (now) => ({ type: "unavailable", attempt: index, error, now }));
    }
    lane.attempt = result.attempt;
    lane.iterator = result.attempt[Symbol.asyncIterator]();
    const { estimateMs, hedgeAtOnce } = result;
    this.#soon(lane, (now) => ({ type: "started", attempt: index, now, estimateMs, hedgeAtOnce }));
    this.#notify();
  }

  /** Tells what came of a lane, unless it is cancelled by then: its number may be another's. */
  #soon(lane: Lane<A>, input: (now: number) => DispatchInput): void {
    queueMicrotask(() => {
      if (lane.cancelled === undefined) this.feed(input(this.#deps.clock.now()));
    });
  }

  #cancel(lane: Lane<A> | undefined, reason: CancelReason): void {
    if (lane === undefined || lane.over) return;
    lane.cancelled = reason;
    lane.held = [];
    if (lane.attempt === undefined) return lane.starting?.abort(reason);
    lane.over = true;
    lane.attempt.cancel(reason);
  }

  #commit(index: AttemptIndex): void {
    this.#alarms.clear();
    const lane = this.#lanes[index];
    if (lane === undefined) return;
    this.#out.push(...lane.held);
    lane.held = [];
    if (lane.attempt !== undefined) this.#deps.committed?.(lane.attempt);
  }

  #rang(timer: TimerName, at: number): void {
    // A silence that the consumer makes is not the provider's, however long it lasts.
    if (this.yielding) this.feed({ type: "resumed", now: this.#deps.clock.now() });
    this.feed({ type: "timer", timer, now: Math.max(at, this.#deps.clock.now()) });
  }

  #pulled(index: AttemptIndex, lane: Lane<A>, result: IteratorResult<AttemptEvent>): void {
    lane.pulling = false;
    if (result.done === true) {
      if (!lane.over) this.#lost(index, lane);
      return;
    }
    if (lane.cancelled !== undefined) return;
    const event = result.value;
    if (event.type === "end" || event.type === "failed") lane.over = true;
    this.feed({ type: "event", attempt: index, event, now: this.#deps.clock.now() });
    this.#notify();
  }

  /** An attempt that stops without a terminal event breaks its contract; the consumer must still get an answer. */
  #lost(index: AttemptIndex, lane: Lane<A>): void {
    lane.pulling = false;
    if (lane.over) return;
    lane.over = true;
    const failure: AttemptFailure = {
      code: "internal",
      progress: "processed",
      retryable: true,
      faulty: false,
      status: 500,
    };
    const event: AttemptEvent = { type: "failed", failure };
    this.feed({ type: "event", attempt: index, event, now: this.#deps.clock.now() });
    this.#notify();
  }

  #finish(result: DispatchResult): void {
    this.outcome = this.#toOutcome(result);
    if (this.outcome.type === "success") this.#deps.answered?.(this.outcome);
  }

  #toOutcome(result: DispatchResult): Outcome<A> {
    switch (result.type) {
      case "success": {
        const attempt = this.#lanes[result.attempt]?.attempt;
        if (attempt === undefined) throw new HearthError("internal", "Nobody has won.");
        return { type: "success", attempt, usage: result.usage };
      }
      case "failed":
        return { type: "failed", committed: result.committed, error: toError(result.failure) };
      case "unavailable":
        return { type: "failed", committed: false, error: result.error };
      case "cancelled":
        return { type: "cancelled", committed: result.committed, reason: result.reason };
    }
  }
}
