import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  content,
  END,
  failed,
  LOADING,
  Machine,
  of,
  POLICY,
  preamble,
  rejected,
  running,
  sign,
} from "../testing/step-machine.js";
import type {
  AttemptEvent,
  AttemptIndex,
  DispatchEffect,
  DispatchInput,
  DispatchPolicy,
  StartedClocks,
  TimerName,
} from "./types.js";

type Move =
  | { readonly type: "wait"; readonly ms: number }
  | { readonly type: "event"; readonly attempt: number; readonly event: AttemptEvent }
  | { readonly type: "started"; readonly attempt: number; readonly clocks: StartedClocks }
  | { readonly type: "unavailable"; readonly attempt: number }
  /** A timer that fires although it was not asked for, or is no longer meant. */
  | { readonly type: "stray"; readonly timer: TimerName }
  | { readonly type: "resumed" }
  | { readonly type: "abort" };

const attempts = fc.integer({ min: 0, max: 5 });
const waits = fc.record({ type: fc.constant("wait" as const), ms: fc.integer({ min: 0, max: 20_000 }) });
const starts = fc.record({
  type: fc.constant("started" as const),
  attempt: attempts,
  clocks: fc.record({ estimateMs: fc.constantFrom(1, 10_000, 60_000), hedgeAtOnce: fc.boolean() }),
});
const refusals = fc.record({ type: fc.constant("unavailable" as const), attempt: attempts });
const told = (...events: fc.Arbitrary<AttemptEvent>[]) =>
  fc.record({ type: fc.constant("event" as const), attempt: attempts, event: fc.oneof(...events) });
const preambles = fc.integer({ min: 1, max: 30_000 }).map((size) => preamble("held", size));
const failures = fc.constantFrom(failed(), failed("capacity"), rejected(400), failed("rejected", false));
const signs = fc.constantFrom(LOADING, sign("queued"), sign("prefilling"), sign("prefilling", 2, "server"));

const moves: fc.Arbitrary<Move> = fc.oneof(
  { weight: 6, arbitrary: waits },
  { weight: 6, arbitrary: starts },
  { weight: 2, arbitrary: refusals },
  { weight: 4, arbitrary: told(signs, fc.constant(sign("generating"))) },
  { weight: 3, arbitrary: told(preambles) },
  { weight: 2, arbitrary: told(fc.constantFrom(content("a", "b"), END)) },
  { weight: 4, arbitrary: told(failures) },
  {
    weight: 1,
    arbitrary: fc.record({
      type: fc.constant("stray" as const),
      timer: fc.constantFrom<TimerName>("hedge", "gap", "patience", "due:0", "due:1", "due:2"),
    }),
  },
  { weight: 1, arbitrary: fc.constantFrom<Move>({ type: "resumed" }, { type: "abort" }) },
);
const policies: fc.Arbitrary<DispatchPolicy> = fc
  .record({
    hedgeDelayMs: fc.constantFrom<DispatchPolicy["hedgeDelayMs"]>("never", "half_estimate", 0, 250, 5_000),
    maxAttempts: fc.integer({ min: 1, max: 6 }),
    maxCostlyAttempts: fc.integer({ min: 1, max: 3 }),
    patienceMs: fc.constantFrom(5_000, 60_000, 600_000),
  })
  .map((changes) => ({ ...POLICY, ...changes, patienceAt: changes.patienceMs }));

function make(machine: Machine, move: Move): void {
  switch (move.type) {
    case "wait":
      machine.wait(move.ms);
      return;
    case "event":
      machine.event(move.attempt, move.event);
      return;
    case "started":
      machine.started(move.attempt, move.clocks);
      return;
    case "unavailable":
      machine.unavailable(move.attempt);
      return;
    case "stray":
      machine.feed({ type: "timer", timer: move.timer, now: machine.now });
      return;
    case "resumed":
      machine.feed({ type: "resumed", now: machine.now });
      return;
    case "abort":
      machine.abort();
      return;
  }
}

/** Watches a machine from outside: which attempts look for a provider, run, are over, and what they have cost. */
class Watch {
  readonly #policy: DispatchPolicy;
  readonly #seeking = new Set<AttemptIndex>([0]);
  /** When each was started, ms. */
  readonly #running = new Map<AttemptIndex, number>();
  readonly #tried = new Set<AttemptIndex>();
  #now = 0;
  #costly = 0;
  #backups = 0;
  #committed: AttemptIndex | undefined;
  #finished = false;

  constructor(machine: Machine) {
    this.#policy = machine.policy;
    machine.watch = (input, effects) => this.#note(input, effects);
  }

  /** Keeps to the contract of attempts: nothing is told behind a terminal event, and who speaks was started. */
  allows(move: Move): boolean {
    if (move.type === "started" || move.type === "unavailable") return this.#seeking.has(move.attempt);
    return move.type !== "event" || this.#running.has(move.attempt);
  }

  /** Everything is over: each attempt that was opened has been cancelled or refused, or has ended. */
  ended(): void {
    if (!this.#finished) throw new Error("never ended");
  }

  #note(input: DispatchInput, effects: readonly DispatchEffect[]): void {
    this.#now = input.now;
    this.#hear(input);
    const ends = effects.some(({ type }) => type === "commit" || type === "finish");
    for (const effect of effects) this.#check(effect, input, ends);
    if (this.#running.size > 2) throw new Error("more than two run");
    if (this.#seeking.size > 1) throw new Error("looks for two at once");
    if (this.#tried.size > this.#policy.maxAttempts) throw new Error("tried too often");
    if (this.#costly > this.#policy.maxCostlyAttempts) throw new Error("cost too much");
  }

  #hear(input: DispatchInput): void {
    if (input.type === "unavailable") this.#seeking.delete(input.attempt);
    if (input.type === "started" && this.#seeking.delete(input.attempt)) {
      this.#running.set(input.attempt, input.now);
      this.#tried.add(input.attempt);
    }
    const isEnd = input.type === "event" && (input.event.type === "end" || input.event.type === "failed");
    if (isEnd) this.#over(input.attempt);
  }

  #check(effect: DispatchEffect, input: DispatchInput, ends: boolean): void {
    if (this.#finished) throw new Error(`${effect.type} behind the end`);
    const { type } = effect;
    if (this.#committed !== undefined && (type === "hold" || type === "open"))
      throw new Error(`${type} behind the commit`);
    switch (type) {
      case "open":
        this.#seeking.add(effect.attempt);
        this.#backups += effect.terms.role === "backup" ? 1 : 0;
        if (this.#backups > 1) throw new Error("hedged twice");
        return;
      case "cancel":
        return this.#checkCancel(effect, input, ends);
      case "commit":
        if (this.#committed !== undefined) throw new Error("committed twice");
        this.#committed = effect.attempt;
        return;
      case "emit":
        if (this.#committed === undefined) throw new Error("emitted before the commit");
        return;
      case "arm":
        // What a timer asks for lies ahead of it: time goes on.
        if (effect.at < this.#now || (input.type === "timer" && effect.at === this.#now))
          throw new Error("no time passes");
        return;
      case "finish":
        this.#finished = true;
        if (this.#seeking.size > 0) throw new Error("ended while an attempt looks for a provider");
        if ([...this.#running.keys()].some((index) => index !== this.#committed)) throw new Error("ended with a rival");
        return;
      case "hold":
        return;
    }
  }

  /** Nobody who runs alone is cancelled before the end, but when another has started or for its own failure. */
  #checkCancel(effect: Extract<DispatchEffect, { type: "cancel" }>, input: DispatchInput, ends: boolean): void {
    const { attempt, reason } = effect;
    if (!this.#running.has(attempt) && !this.#seeking.has(attempt)) throw new Error("cancelled what is over");
    const isLone = this.#running.has(attempt) && this.#running.size === 1;
    if (isLone && !ends && reason !== "stalled") throw new Error(`cancelled the only one that runs at ${input.type}`);
    this.#seeking.delete(attempt);
    this.#over(attempt);
  }

  #over(attempt: AttemptIndex): void {
    const since = this.#running.get(attempt);
    if (since !== undefined && this.#now - since > this.#policy.costlyMs) this.#costly += 1;
    this.#running.delete(attempt);
  }
}

/** Makes the moves that attempts may make, and looks at all that comes of each. */
function play(policy: DispatchPolicy, sequence: readonly Move[]): { readonly machine: Machine; readonly watch: Watch } {
  const machine = new Machine(policy);
  const watch = new Watch(machine);
  for (const move of sequence) if (watch.allows(move)) make(machine, move);
  return { machine, watch };
}

describe("whatever happens in whatever order", () => {
  it("commits before it emits, ends once, cancels all it opened, and stays within its tries", () => {
    fc.assert(
      fc.property(policies, fc.array(moves, { maxLength: 30 }), (policy, sequence) => {
        const { machine, watch } = play(policy, sequence);
        machine.wait(3_600_000);
        watch.ended();
      }),
      { numRuns: 10_000 },
    );
  });

  it("is not impressed by inputs that come too late, nor by any that break the contract of attempts", () => {
    fc.assert(
      fc.property(policies, fc.array(moves, { maxLength: 30 }), (policy, sequence) => {
        const machine = new Machine(policy);
        for (const move of sequence) make(machine, move);
        machine.abort();
        const { effects } = machine;
        const ended = effects.length;
        for (const move of sequence) make(machine, move);
        expect(effects).toHaveLength(ended);
        expect(of("finish", effects)).toHaveLength(1);
      }),
      { numRuns: 5_000 },
    );
  });

  it("lets nothing but an answer that is being written move the end of patience", () => {
    const silent = fc.array(fc.oneof(waits, starts, refusals, told(signs, preambles, failures)), { maxLength: 30 });
    fc.assert(
      fc.property(policies, silent, (policy, sequence) => {
        const { machine } = play(policy, sequence);
        machine.wait(Math.max(0, policy.patienceAt - machine.now));
        expect(machine.state.phase).toBe("closed");
      }),
      { numRuns: 5_000 },
    );
  });

  it("ends when patience does, however often it is told that nobody is there", () => {
    fc.assert(
      fc.property(
        policies,
        fc.array(fc.oneof(waits, told(signs, preambles)), { maxLength: 20 }),
        (policy, sequence) => {
          const machine = running(policy);
          for (const role of ["retry", "overtake", "backup"] as const) machine.refuse(role);
          for (const move of sequence) make(machine, move);
          machine.wait(Math.max(0, policy.patienceAt - machine.now));
          expect(machine.state.phase).toBe("closed");
          // One look a second, and a few for each movement and each clock.
          expect(of("open", machine.effects).length).toBeLessThan(
            policy.patienceMs / policy.reseekMs + 10 * sequence.length + 20,
          );
        },
      ),
      { numRuns: 1_000 },
    );
  });
});
