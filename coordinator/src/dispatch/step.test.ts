import type { WorkingSign } from "@hearth/protocol";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { HearthError } from "../platform/errors.js";
import { DEFAULT_POLICY, policyFor } from "./policy.js";
import { step } from "./step.js";
import type {
  AttemptEvent,
  AttemptFailure,
  AttemptIndex,
  Chunk,
  DispatchEffect,
  DispatchInput,
  DispatchPolicy,
  DispatchState,
  FailureCode,
  TimerName,
} from "./types.js";

/** Time to first content 10 s, hedge after 4 s. */
const POLICY: DispatchPolicy = policyFor(DEFAULT_POLICY, 0, 4_000);
const USAGE = { prompt_tokens: 1, completion_tokens: 1 };

const chunk = (name: string, size = 10): Chunk => ({
  dialect: "chat_completions",
  bytes: new Uint8Array(size),
  parsed: name,
});
const preamble = (name = "role", size = 10): AttemptEvent => ({ type: "preamble", chunk: chunk(name, size) });
const content = (...names: string[]): AttemptEvent => ({ type: "content", chunks: names.map((name) => chunk(name)) });
const sign = (what: WorkingSign, counter = 1): AttemptEvent => ({ type: "working", sign: what, counter });
const LOADING = sign("loading");
const END: AttemptEvent = { type: "end", usage: USAGE };
const failure = (code: FailureCode = "backend_error", retryable = true): AttemptFailure => ({
  code,
  progress: "processed",
  retryable,
  faulty: retryable,
  status: 502,
});
const failed = (code?: FailureCode, retryable?: boolean): AttemptEvent => ({
  type: "failed",
  failure: failure(code, retryable),
});

/** A machine that has begun, with what it asked for and when its timers are due. */
class Machine {
  state: DispatchState = { phase: "idle" };
  now = 0;
  readonly effects: DispatchEffect[] = [];
  readonly timers = new Map<TimerName, number>();
  readonly #policy: DispatchPolicy;

  constructor(policy: DispatchPolicy = POLICY) {
    this.#policy = policy;
    this.feed({ type: "begin", now: 0 });
  }

  feed(input: DispatchInput): readonly DispatchEffect[] {
    const [state, effects] = step(this.state, input, this.#policy);
    this.state = state;
    this.effects.push(...effects);
    for (const effect of effects) if (effect.type === "arm") this.timers.set(effect.timer, effect.at);
    return effects;
  }

  event(attempt: AttemptIndex, event: AttemptEvent): readonly DispatchEffect[] {
    return this.feed({ type: "event", attempt, event, now: this.now });
  }

  started(attempt: AttemptIndex): readonly DispatchEffect[] {
    return this.feed({ type: "started", attempt, now: this.now });
  }

  unavailable(attempt: AttemptIndex): readonly DispatchEffect[] {
    return this.feed({ type: "unavailable", attempt, error: new HearthError("no_provider", "Nobody."), now: this.now });
  }

  abort(): readonly DispatchEffect[] {
    return this.feed({ type: "abort", reason: "consumer_gone", now: this.now });
  }

  /** Lets time pass, firing what falls due. */
  wait(ms: number): readonly DispatchEffect[] {
    const until = this.now + ms;
    const effects: DispatchEffect[] = [];
    for (;;) {
      const due = [...this.timers].filter(([, at]) => at <= until).sort((a, b) => a[1] - b[1])[0];
      if (due === undefined) break;
      const [timer, at] = due;
      this.timers.delete(timer);
      this.now = Math.max(this.now, at);
      effects.push(...this.feed({ type: "timer", timer, now: this.now }));
    }
    this.now = until;
    return effects;
  }

  /** The end, if there is one. */
  get result(): Extract<DispatchEffect, { type: "finish" }>["result"] | undefined {
    return this.effects.find((effect) => effect.type === "finish")?.result;
  }
}

const of = <T extends DispatchEffect["type"]>(type: T, effects: readonly DispatchEffect[]) =>
  effects.filter((effect): effect is Extract<DispatchEffect, { type: T }> => effect.type === type);
const emitted = (machine: Machine): unknown[] =>
  of("emit", machine.effects).flatMap(({ chunks }) => chunks.map((each) => each.parsed));

describe("rule 1, deferred commit", () => {
  it("emits nothing before the first content", () => {
    const machine = new Machine();
    machine.event(0, LOADING);
    machine.event(0, preamble());
    expect(of("emit", machine.effects)).toEqual([]);
    expect(of("commit", machine.effects)).toEqual([]);
  });

  it("commits at the first content, and then emits it", () => {
    const machine = new Machine();
    const effects = machine.event(0, content("a", "b"));
    expect(effects.map((effect) => effect.type)).toEqual(["commit", "emit", "arm"]);
    expect(emitted(machine)).toEqual(["a", "b"]);
  });

  it("holds eight chunks, and takes the ninth for content", () => {
    const machine = new Machine();
    for (let held = 0; held < 8; held++) expect(of("hold", machine.event(0, preamble()))).toHaveLength(1);
    expect(machine.event(0, preamble("ninth")).map((effect) => effect.type)).toEqual(["commit", "emit", "arm"]);
    expect(emitted(machine)).toEqual(["ninth"]);
  });

  it("holds 64 KiB, and takes what goes over it for content", () => {
    const machine = new Machine();
    expect(of("hold", machine.event(0, preamble("big", 64 * 1024)))).toHaveLength(1);
    expect(of("commit", machine.event(0, preamble("more", 1)))).toHaveLength(1);
  });

  it("counts what it holds for each attempt by itself", () => {
    const machine = new Machine();
    for (let held = 0; held < 8; held++) machine.event(0, preamble());
    machine.wait(4_000);
    expect(of("hold", machine.event(1, preamble()))).toEqual([expect.objectContaining({ attempt: 1 })]);
    expect(machine.state.phase).toBe("racing");
  });
});

describe("rule 2, invisible failover", () => {
  it("opens a retry when the only attempt fails before content", () => {
    const machine = new Machine();
    expect(of("open", machine.event(0, failed()))).toEqual([{ type: "open", attempt: 1, role: "retry" }]);
    expect(machine.result).toBeUndefined();
  });

  it("waits for the other attempt when one of two fails", () => {
    const machine = new Machine();
    machine.wait(4_000);
    expect(machine.event(0, failed())).toEqual([]);
    machine.event(1, content("backup"));
    expect(emitted(machine)).toEqual(["backup"]);
  });

  it("tries three times at most, and then tells the last failure", () => {
    const machine = new Machine();
    machine.event(0, failed());
    machine.event(1, failed());
    machine.event(2, failed("truncated"));
    expect(of("open", machine.effects)).toHaveLength(3);
    expect(machine.result).toEqual({ type: "failed", committed: false, failure: failure("truncated") });
  });

  it("gives a retry as long a time of its own", () => {
    const machine = new Machine({ ...POLICY, hedgeDelayMs: undefined });
    machine.wait(7_000);
    machine.event(0, failed());
    machine.wait(3_000);
    expect(of("arm", machine.started(1))).toEqual([{ type: "arm", timer: "due:1", at: 20_000 }]);
  });

  it("opens nothing when patience is over, and gives no attempt more than what is left of it", () => {
    const machine = new Machine({ ...POLICY, hedgeDelayMs: undefined });
    for (let moved = 0; moved < 17; moved++) {
      machine.event(0, sign("loading", moved));
      machine.wait(35_000);
    }
    expect(of("arm", machine.event(0, failed()))).toEqual([{ type: "arm", timer: "due:1", at: 600_000 }]);
    machine.started(1);
    machine.wait(5_000);
    expect(of("open", machine.effects)).toHaveLength(2);
    expect(machine.result).toMatchObject({ type: "failed", committed: false, failure: { code: "timeout" } });
  });

  it("loses no try to a backup that nobody could take", () => {
    const machine = new Machine();
    machine.wait(4_000);
    machine.unavailable(1);
    const retries = [machine.event(0, failed()), machine.event(1, failed())];
    expect(retries.map((effects) => of("open", effects))).toEqual([
      [{ type: "open", attempt: 1, role: "retry" }],
      [{ type: "open", attempt: 2, role: "retry" }],
    ]);
  });

  it("tells that nobody is there when nobody ever was", () => {
    const machine = new Machine();
    machine.unavailable(0);
    expect(machine.result).toMatchObject({ type: "unavailable", error: { code: "no_provider" } });
  });

  it("tells what went wrong rather than that nobody is left", () => {
    const machine = new Machine();
    machine.event(0, failed("connection_lost"));
    machine.unavailable(1);
    expect(machine.result).toEqual({ type: "failed", committed: false, failure: failure("connection_lost") });
  });
});

describe("rules 3 and 4, the speculative race", () => {
  it("starts one backup when the hedge delay passes without content", () => {
    const machine = new Machine();
    expect(of("open", machine.wait(3_999))).toEqual([]);
    expect(of("open", machine.wait(1))).toEqual([{ type: "open", attempt: 1, role: "backup" }]);
  });

  it("starts none where none is wanted", () => {
    const machine = new Machine({ ...POLICY, hedgeDelayMs: undefined });
    machine.wait(9_000);
    expect(of("open", machine.effects)).toHaveLength(1);
  });

  it("starts none behind the commit", () => {
    const machine = new Machine();
    machine.event(0, content("a"));
    machine.wait(5_000);
    expect(of("open", machine.effects)).toHaveLength(1);
  });

  it("hedges once a request", () => {
    const machine = new Machine();
    machine.wait(4_000);
    machine.event(1, failed());
    machine.feed({ type: "timer", timer: "hedge", now: 5_000 });
    expect(of("open", machine.effects).filter((effect) => effect.role === "backup")).toHaveLength(1);
  });

  it.each([
    [0, 1],
    [1, 0],
  ])("lets attempt %i win with its first content, and cancels the other", (winner, loser) => {
    const machine = new Machine();
    machine.wait(4_000);
    const effects = machine.event(winner, content("first"));
    expect(of("cancel", effects)).toEqual([{ type: "cancel", attempt: loser, reason: "lost_race" }]);
    expect(of("commit", effects)).toEqual([{ type: "commit", attempt: winner }]);
  });

  it("lets no preamble win", () => {
    const machine = new Machine();
    machine.event(0, preamble());
    machine.wait(4_000);
    expect(of("commit", machine.effects)).toEqual([]);
    machine.event(1, content("backup"));
    expect(of("commit", machine.effects)).toEqual([{ type: "commit", attempt: 1 }]);
  });

  it("hears nothing of the loser any more", () => {
    const machine = new Machine();
    machine.wait(4_000);
    machine.event(0, content("winner"));
    for (const event of [preamble(), content("loser"), failed(), END]) expect(machine.event(1, event)).toEqual([]);
    expect(emitted(machine)).toEqual(["winner"]);
  });
});

describe("rule 5, liveness", () => {
  const CANCELLED = [{ type: "cancel", attempt: 0, reason: "deadline" }];

  it("looks for somebody else when an attempt is silent past its time, and lets go of it when there is one", () => {
    const machine = new Machine({ ...POLICY, hedgeDelayMs: undefined });
    const effects = machine.wait(10_000);
    expect(of("open", effects)).toEqual([{ type: "open", attempt: 1, role: "retry" }]);
    expect(of("cancel", effects)).toEqual([]);
    expect(of("cancel", machine.started(1))).toEqual(CANCELLED);
    machine.event(1, content("second"));
    expect(emitted(machine)).toEqual(["second"]);
  });

  it("waits for a late attempt while nobody else is there, asks again, and has patience with it", () => {
    const machine = new Machine({ ...POLICY, hedgeDelayMs: undefined });
    machine.wait(10_000);
    machine.unavailable(1);
    expect(of("open", machine.wait(9_999))).toEqual([]);
    expect(of("open", machine.wait(1))).toEqual([{ type: "open", attempt: 1, role: "retry" }]);
    machine.unavailable(1);
    machine.wait(300_000);
    machine.unavailable(1);
    machine.event(0, content("at last"));
    expect(emitted(machine)).toEqual(["at last"]);
    expect(of("cancel", machine.effects)).toEqual([{ type: "cancel", attempt: 1, reason: "lost_race" }].slice(1));
  });

  it("gives up on the last one only when patience is over, as 504", () => {
    const machine = new Machine({ ...POLICY, hedgeDelayMs: undefined, maxAttempts: 1 });
    machine.wait(599_999);
    expect(machine.state.phase).toBe("racing");
    expect(of("cancel", machine.wait(1))).toEqual(CANCELLED);
    expect(machine.result).toMatchObject({ type: "failed", failure: { code: "timeout", status: 504, faulty: true } });
  });

  it("asks no second time for somebody while a retry still waits for its slot", () => {
    const machine = new Machine({ ...POLICY, hedgeDelayMs: undefined });
    machine.wait(10_000);
    machine.wait(60_000);
    expect(of("open", machine.effects)).toHaveLength(2);
    expect(of("cancel", machine.started(1))).toEqual(CANCELLED);
  });

  it("tries a third one when the second fails while the first is late", () => {
    const machine = new Machine({ ...POLICY, hedgeDelayMs: undefined });
    machine.wait(10_000);
    expect(of("open", machine.event(1, failed()))).toEqual([{ type: "open", attempt: 2, role: "retry" }]);
    machine.started(2);
    expect(of("cancel", machine.effects)).toEqual(CANCELLED);
  });

  it("lets go at its time of one of two that race", () => {
    const machine = new Machine();
    machine.wait(4_000);
    expect(of("cancel", machine.wait(6_000))).toEqual(CANCELLED);
    expect(machine.result).toBeUndefined();
  });

  it("gives 45 s for each movement of one that loads, to the end of patience", () => {
    const machine = new Machine({ ...POLICY, hedgeDelayMs: undefined });
    machine.wait(9_000);
    expect(of("arm", machine.event(0, LOADING))).toEqual([{ type: "arm", timer: "due:0", at: 54_000 }]);
    for (let moved = 0; moved < 20; moved++) {
      machine.wait(29_000);
      machine.event(0, sign("loading", moved));
    }
    expect(machine.timers.get("due:0")).toBe(600_000);
    expect(of("open", machine.effects)).toHaveLength(1);
    machine.wait(11_000);
    expect(machine.result).toMatchObject({ type: "failed", failure: { code: "timeout", status: 504 } });
  });

  it("looks for somebody else when one that loads falls silent", () => {
    const machine = new Machine({ ...POLICY, hedgeDelayMs: undefined });
    machine.event(0, LOADING);
    expect(of("open", machine.wait(44_999))).toEqual([]);
    expect(of("open", machine.wait(1))).toEqual([{ type: "open", attempt: 1, role: "retry" }]);
  });

  it("does not take loading behind a preamble for loading", () => {
    const machine = new Machine();
    machine.event(0, preamble());
    expect(machine.event(0, LOADING)).toEqual([]);
  });

  it.each(["queued", "prefilling"] as const)(
    "gives 45 s for each movement while %s, to four times its time",
    (what) => {
      const machine = new Machine({ ...POLICY, hedgeDelayMs: undefined, ttftDeadlineMs: 20_000 });
      machine.wait(19_000);
      expect(machine.event(0, sign(what, 1))).toEqual([{ type: "arm", timer: "due:0", at: 64_000 }]);
      machine.wait(30_000);
      expect(machine.event(0, sign(what, 2))).toEqual([{ type: "arm", timer: "due:0", at: 80_000 }]);
      expect(of("open", machine.wait(30_999))).toEqual([]);
      expect(of("open", machine.wait(1))).toEqual([{ type: "open", attempt: 1, role: "retry" }]);
    },
  );

  it("keeps a late attempt that moves again, whoever starts then", () => {
    const machine = new Machine({ ...POLICY, hedgeDelayMs: undefined });
    machine.wait(11_000);
    machine.event(0, sign("prefilling", 1));
    expect(of("cancel", machine.started(1))).toEqual([]);
  });

  it("takes the first word of a whole answer being written for its content: the others are let go, nobody commits", () => {
    const machine = new Machine();
    machine.wait(4_000);
    expect(of("cancel", machine.event(1, sign("generating", 1)))).toEqual([
      { type: "cancel", attempt: 0, reason: "lost_race" },
    ]);
    for (let moved = 0; moved < 20; moved++) {
      machine.wait(40_000);
      machine.event(1, sign("generating", moved));
    }
    expect(machine.state.phase).toBe("racing");
    expect(of("open", machine.effects)).toHaveLength(2);
    machine.event(1, content("all of it"));
    expect(emitted(machine)).toEqual(["all of it"]);
  });

  it("goes elsewhere, unseen, when a whole answer dies or falls silent while it is written", () => {
    const dying = new Machine({ ...POLICY, hedgeDelayMs: undefined });
    dying.event(0, sign("generating", 1));
    expect(of("open", dying.event(0, failed("connection_lost")))).toHaveLength(1);
    const silent = new Machine();
    silent.event(0, sign("generating", 1));
    expect(of("open", silent.wait(44_999))).toEqual([]);
    expect(of("open", silent.wait(1))).toEqual([{ type: "open", attempt: 1, role: "retry" }]);
  });

  it("lets a timer pass that is no longer meant", () => {
    const machine = new Machine();
    machine.event(0, LOADING);
    expect(machine.feed({ type: "timer", timer: "due:0", now: 10_000 })).toEqual([]);
  });

  it("grants 90 s to first content to a preamble past the deadline, once", () => {
    const machine = new Machine({ ...POLICY, hedgeDelayMs: undefined });
    machine.event(0, preamble());
    machine.wait(10_000);
    machine.event(0, preamble());
    machine.wait(89_999);
    expect(machine.state.phase).toBe("racing");
    expect(of("open", machine.wait(1))).toEqual([{ type: "open", attempt: 1, role: "retry" }]);
    expect(of("cancel", machine.started(1))).toEqual(CANCELLED);
  });

  it("counts 90 s from the preamble of a backend that has loaded", () => {
    const machine = new Machine({ ...POLICY, hedgeDelayMs: undefined });
    machine.event(0, LOADING);
    machine.wait(40_000);
    machine.event(0, preamble());
    machine.wait(89_999);
    expect(of("open", machine.effects)).toHaveLength(1);
    expect(of("open", machine.wait(1))).toEqual([{ type: "open", attempt: 1, role: "retry" }]);
  });

  it("counts them for one that has loaded in no time too", () => {
    const machine = new Machine({ ...POLICY, hedgeDelayMs: undefined });
    machine.event(0, LOADING);
    machine.wait(5_000);
    expect(of("arm", machine.event(0, preamble()))).toEqual([{ type: "arm", timer: "due:0", at: 95_000 }]);
  });

  it("strikes both when both race and both stall behind their preamble", () => {
    const machine = new Machine();
    machine.event(0, preamble());
    machine.wait(4_000);
    machine.event(1, preamble());
    machine.wait(100_000);
    expect(of("cancel", machine.effects)).toEqual(CANCELLED);
    machine.started(2);
    expect(of("cancel", machine.effects)).toEqual([...CANCELLED, { type: "cancel", attempt: 1, reason: "deadline" }]);
  });
});

describe("rule 6, after the commit", () => {
  it("tells a failure as one behind content, and opens nothing", () => {
    const machine = new Machine();
    machine.event(0, content("a"));
    expect(machine.event(0, failed("connection_lost"))).toEqual([
      { type: "finish", result: { type: "failed", committed: true, failure: failure("connection_lost") } },
    ]);
  });

  it("cancels a stream that has been without content for 45 s", () => {
    const machine = new Machine();
    machine.event(0, content("a"));
    expect(machine.wait(44_999)).toEqual([]);
    expect(machine.wait(1)).toMatchObject([
      { type: "cancel", attempt: 0, reason: "stalled" },
      { type: "finish", result: { type: "failed", committed: true, failure: { code: "stalled" } } },
    ]);
  });

  it("counts the 45 s from the last content, not from the last event", () => {
    const machine = new Machine();
    machine.event(0, content("a"));
    machine.wait(30_000);
    machine.event(0, content("b"));
    machine.wait(30_000);
    machine.event(0, preamble("trailer"));
    expect(machine.state.phase).toBe("committed");
    machine.wait(15_000);
    expect(machine.result).toMatchObject({ type: "failed", failure: { code: "stalled" } });
  });

  it("does not count the time for which the consumer made the provider wait", () => {
    const machine = new Machine();
    machine.event(0, content("a"));
    machine.wait(40_000);
    machine.feed({ type: "resumed", now: machine.now });
    machine.wait(44_999);
    expect(machine.state.phase).toBe("committed");
    machine.wait(1);
    expect(machine.state.phase).toBe("closed");
  });

  it("does nothing behind the end", () => {
    const machine = new Machine();
    machine.event(0, content("a"));
    machine.event(0, END);
    expect(machine.result).toEqual({ type: "success", attempt: 0, usage: USAGE });
    expect([machine.event(0, content("late")), machine.abort(), machine.wait(100_000)]).toEqual([[], [], []]);
  });
});

describe("rule 7, an empty answer", () => {
  it("is a success when the stream ends cleanly behind its preamble", () => {
    const machine = new Machine();
    machine.event(0, preamble());
    expect(machine.event(0, END)).toEqual([
      { type: "commit", attempt: 0 },
      { type: "finish", result: { type: "success", attempt: 0, usage: USAGE } },
    ]);
  });

  it("cancels the other attempt like any commit", () => {
    const machine = new Machine();
    machine.wait(4_000);
    expect(of("cancel", machine.event(1, END))).toEqual([{ type: "cancel", attempt: 0, reason: "lost_race" }]);
  });
});

describe("rule 9, whose fault", () => {
  it("sends what the request itself caused straight back, without failover", () => {
    const machine = new Machine();
    machine.wait(4_000);
    const effects = machine.event(0, failed("rejected", false));
    expect(of("open", effects)).toEqual([]);
    expect(of("cancel", effects)).toEqual([{ type: "cancel", attempt: 1, reason: "superseded" }]);
    expect(machine.result).toEqual({ type: "failed", committed: false, failure: failure("rejected", false) });
  });
});

describe("rule 10, the consumer goes away", () => {
  it("cancels every attempt of a race", () => {
    const machine = new Machine();
    machine.wait(4_000);
    expect(machine.abort()).toEqual([
      { type: "cancel", attempt: 0, reason: "consumer_gone" },
      { type: "cancel", attempt: 1, reason: "consumer_gone" },
      { type: "finish", result: { type: "cancelled", committed: false, reason: "consumer_gone" } },
    ]);
  });

  it("cancels the winner behind the commit", () => {
    const machine = new Machine();
    machine.event(0, content("a"));
    expect(machine.abort()).toEqual([
      { type: "cancel", attempt: 0, reason: "consumer_gone" },
      { type: "finish", result: { type: "cancelled", committed: true, reason: "consumer_gone" } },
    ]);
  });
});

// Everything below: any inputs, in any order.

type Move =
  | { readonly type: "wait"; readonly ms: number }
  | { readonly type: "event"; readonly attempt: number; readonly event: AttemptEvent }
  | { readonly type: "started" | "unavailable"; readonly attempt: number }
  /** A timer that fires although it was not asked for, or is no longer meant. */
  | { readonly type: "stray"; readonly timer: TimerName }
  | { readonly type: "resumed" }
  | { readonly type: "abort" };

const attempts = fc.integer({ min: 0, max: 3 });
const moves: fc.Arbitrary<Move> = fc.oneof(
  { weight: 5, arbitrary: fc.record({ type: fc.constant("wait" as const), ms: fc.integer({ min: 0, max: 20_000 }) }) },
  {
    weight: 10,
    arbitrary: fc.record({
      type: fc.constant("event" as const),
      attempt: attempts,
      event: fc.oneof(
        fc.constantFrom(LOADING, sign("queued"), sign("prefilling"), sign("generating")),
        { weight: 4, arbitrary: fc.integer({ min: 1, max: 30_000 }).map((size) => preamble("held", size)) },
        fc.constant(content("a", "b")),
        fc.constant(END),
        { weight: 3, arbitrary: fc.constantFrom(failed(), failed("capacity"), failed("rejected", false)) },
      ),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ type: fc.constantFrom("started" as const, "unavailable" as const), attempt: attempts }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      type: fc.constant("stray" as const),
      timer: fc.constantFrom<TimerName>("hedge", "gap", "due:0", "due:1", "due:2"),
    }),
  },
  { weight: 1, arbitrary: fc.constantFrom<Move>({ type: "resumed" }, { type: "abort" }) },
);
const policies: fc.Arbitrary<DispatchPolicy> = fc
  .record({ hedgeDelayMs: fc.constantFrom(undefined, 0, 250, 5_000), maxAttempts: fc.integer({ min: 1, max: 3 }) })
  .map((changes) => ({ ...POLICY, ...changes }));

function make(machine: Machine, move: Move): void {
  switch (move.type) {
    case "wait":
      machine.wait(move.ms);
      return;
    case "event":
      machine.event(move.attempt, move.event);
      return;
    case "started":
      machine.started(move.attempt);
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

/** What must hold of everything a machine ever asked for, from its beginning to its end. */
function checkEffects(effects: readonly DispatchEffect[], policy: DispatchPolicy): void {
  let committed: AttemptIndex | undefined;
  let finished = false;
  for (const effect of effects) {
    if (finished) throw new Error(`${effect.type} behind the end`);
    switch (effect.type) {
      case "commit":
        if (committed !== undefined) throw new Error("committed twice");
        committed = effect.attempt;
        break;
      case "emit":
        if (committed === undefined) throw new Error("emitted before the commit");
        break;
      case "hold":
      case "open":
        if (committed !== undefined) throw new Error(`${effect.type} behind the commit`);
        break;
      case "finish":
        finished = true;
        break;
      case "arm":
      case "cancel":
        break;
    }
  }
  if (!finished) throw new Error("never ended");
  const opens = of("open", effects);
  if (opens.filter(({ role }) => role === "backup").length > 1) throw new Error("hedged twice");
  // What nobody takes is no try: its number is given again.
  if (new Set(opens.map(({ attempt }) => attempt)).size > policy.maxAttempts) throw new Error("tried too often");
}

/** Of the attempts that were opened, those that nobody has ended. */
class Liveness {
  readonly #live = new Set<AttemptIndex>();
  readonly #speaking = new Set<AttemptIndex>();

  note(effects: readonly DispatchEffect[]): void {
    for (const effect of effects) {
      if (effect.type === "open") {
        this.#live.add(effect.attempt);
        this.#speaking.delete(effect.attempt);
      }
      if (effect.type === "cancel" && !this.#live.delete(effect.attempt)) throw new Error("cancelled what is over");
      if (effect.type === "commit" && [...this.#live].some((index) => index !== effect.attempt)) {
        throw new Error("committed with a loser running");
      }
      if (effect.type === "finish" && this.#live.size > 0) throw new Error("ended with an attempt running");
    }
    if (this.#live.size > 2) throw new Error("more than two at once");
  }

  /** Keeps to the contract of attempts: nothing is told behind a terminal event, and one that speaks was started. */
  allows(move: Move): boolean {
    if (move.type === "unavailable") return this.#live.has(move.attempt) && !this.#speaking.has(move.attempt);
    return move.type !== "event" || this.#live.has(move.attempt);
  }

  told(move: Move): void {
    if (move.type === "event") this.#speaking.add(move.attempt);
    const terminal = move.type === "event" && (move.event.type === "end" || move.event.type === "failed");
    if (terminal || move.type === "unavailable") this.#live.delete(move.attempt);
  }
}

describe("whatever happens in whatever order", () => {
  it("commits before it emits, ends once, cancels all it opened, and stays within its tries", () => {
    fc.assert(
      fc.property(policies, fc.array(moves, { maxLength: 25 }), (policy, sequence) => {
        const machine = new Machine(policy);
        const liveness = new Liveness();
        let seen = 0;
        const note = (): void => {
          liveness.note(machine.effects.slice(seen));
          seen = machine.effects.length;
        };
        note();
        for (const move of sequence) {
          if (!liveness.allows(move)) continue;
          liveness.told(move);
          make(machine, move);
          note();
        }
        machine.wait(2_000_000);
        note();
        checkEffects(machine.effects, policy);
      }),
      { numRuns: 10_000 },
    );
  });

  it("is not impressed by inputs that come too late", () => {
    fc.assert(
      fc.property(policies, fc.array(moves, { maxLength: 25 }), (policy, sequence) => {
        const machine = new Machine(policy);
        for (const move of sequence) make(machine, move);
        machine.abort();
        const { effects } = machine;
        const ended = effects.length;
        for (const move of sequence) make(machine, move);
        expect(effects).toHaveLength(ended);
        checkEffects(effects, policy);
      }),
      { numRuns: 5_000 },
    );
  });

  it("lets nothing but an answer that is being written move the end of patience", () => {
    const told = fc.constantFrom(failed(), LOADING, sign("queued"), sign("prefilling"), preamble());
    const silent = fc.array(
      fc.oneof(
        fc.record({ type: fc.constant("wait" as const), ms: fc.integer({ min: 0, max: 50_000 }) }),
        fc.record({ type: fc.constantFrom("started" as const, "unavailable" as const), attempt: attempts }),
        fc.record({ type: fc.constant("event" as const), attempt: attempts, event: told }),
      ),
      { maxLength: 20 },
    );
    fc.assert(
      fc.property(policies, silent, (policy, sequence) => {
        const machine = new Machine(policy);
        for (const move of sequence) make(machine, move);
        machine.wait(Math.max(0, POLICY.patienceMs - machine.now));
        expect(machine.state.phase).toBe("closed");
      }),
      { numRuns: 5_000 },
    );
  });
});
