import { FakeClock } from "@hearth/platform/testing";
import type { AttemptId, CancelReason, ProviderId } from "@hearth/protocol";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { HearthError } from "../platform/errors.js";
import { toError } from "./failures.js";
import { DEFAULT_POLICY, policyFor } from "./policy.js";
import { race } from "./race.js";
import type {
  Attempt,
  AttemptEvent,
  AttemptFailure,
  AttemptRole,
  Chunk,
  DispatchPolicy,
  Outcome,
  StartResult,
  StartTerms,
} from "./types.js";

const POLICY: DispatchPolicy = policyFor(DEFAULT_POLICY, { arrivedAt: 0, hedgeDelayMs: 4_000 });
const USAGE = { prompt_tokens: 1, completion_tokens: 1 };
const FAILURE: AttemptFailure = {
  code: "backend_error",
  progress: "processed",
  retryable: true,
  faulty: true,
  status: 502,
};

const chunk = (name: string): Chunk => ({ dialect: "chat_completions", bytes: Buffer.from(name), parsed: name });
const preamble = (name: string): AttemptEvent => ({ type: "preamble", chunk: chunk(name) });
const content = (...names: string[]): AttemptEvent => ({ type: "content", chunks: names.map(chunk) });
const END: AttemptEvent = { type: "end", usage: USAGE };
const FAILED: AttemptEvent = { type: "failed", failure: FAILURE };

/** An attempt that tells what the test lets it tell. */
class FakeAttempt implements Attempt {
  readonly id: AttemptId;
  readonly provider: ProviderId = "p" as ProviderId;
  readonly role: AttemptRole;
  readonly cancels: CancelReason[] = [];
  /** Events that were asked for. */
  pulls = 0;
  readonly #events: AttemptEvent[] = [];
  #waiting: ((result: IteratorResult<AttemptEvent>) => void) | undefined;
  #over = false;

  constructor(index: number, role: AttemptRole) {
    this.id = `att_${index}` as AttemptId;
    this.role = role;
  }

  tell(...events: AttemptEvent[]): void {
    this.#events.push(...events);
    this.#deliver();
  }

  /** The iteration ends without a terminal event. */
  vanish(): void {
    this.#over = true;
    this.#deliver();
  }

  cancel(reason: CancelReason): void {
    this.cancels.push(reason);
    this.#over = true;
    this.#events.length = 0;
    this.#deliver();
  }

  [Symbol.asyncIterator](): AsyncIterator<AttemptEvent> {
    return {
      next: () => {
        this.pulls += 1;
        return new Promise((resolve) => {
          this.#waiting = resolve;
          this.#deliver();
        });
      },
    };
  }

  #deliver(): void {
    const waiting = this.#waiting;
    const event = this.#events[0];
    if (waiting === undefined || (event === undefined && !this.#over)) return;
    this.#waiting = undefined;
    this.#events.shift();
    waiting(event === undefined ? { done: true, value: undefined } : { done: false, value: event });
  }
}

/** Lets everything that promises have to do be done. */
const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

type Start = (terms: StartTerms, signal: () => AbortSignal) => StartResult | Promise<StartResult> | undefined;

/** A race under test. The consumer takes what comes, at once, unless it is told not to. */
class Bench {
  readonly clock = new FakeClock();
  readonly attempts: FakeAttempt[] = [];
  readonly taken: string[] = [];
  readonly committed: AttemptId[] = [];
  readonly abort = new AbortController();
  outcome: Outcome | undefined;
  readonly stream: AsyncGenerator<readonly Chunk[], Outcome>;

  constructor({ policy = POLICY, start }: { readonly policy?: DispatchPolicy; readonly start?: Start } = {}) {
    this.stream = race(
      {
        clock: this.clock,
        policy,
        committed: (winner) => this.committed.push(winner.id),
        startAttempt: (terms, signal) => start?.(terms, signal) ?? this.start(terms.role),
      },
      this.abort.signal,
    );
  }

  start(role: AttemptRole): StartResult {
    const attempt = new FakeAttempt(this.attempts.length, role);
    this.attempts.push(attempt);
    return { type: "started", attempt, estimateMs: 10_000, hedgeAtOnce: false };
  }

  /** Begins, and takes everything until the end. */
  async run(): Promise<this> {
    void this.#drain();
    await settled();
    return this;
  }

  async tell(index: number, ...events: AttemptEvent[]): Promise<void> {
    this.attempts[index]?.tell(...events);
    await settled();
  }

  async wait(ms: number): Promise<void> {
    this.clock.advance(ms);
    await settled();
  }

  async #drain(): Promise<void> {
    for (;;) {
      const next = await this.stream.next();
      if (next.done === true) {
        this.outcome = next.value;
        return;
      }
      this.taken.push(...next.value.map((each) => String(each.parsed)));
    }
  }
}

describe("the commit", () => {
  it("yields nothing before the first content, and then what was held first", async () => {
    const bench = await new Bench().run();
    await bench.tell(0, preamble("role"), preamble("id"));
    expect(bench.taken).toEqual([]);
    await bench.tell(0, content("a"));
    expect(bench.taken).toEqual(["role", "id", "a"]);
  });

  it("yields of what says the same again only the last", async () => {
    const bench = await new Bench().run();
    await bench.tell(0, preamble("id"), preamble("role"), { type: "preamble", chunk: chunk("again"), repeats: true });
    await bench.tell(0, content("a"));
    expect(bench.taken).toEqual(["id", "again", "a"]);
  });

  it("never mixes the preambles of two attempts", async () => {
    const bench = await new Bench().run();
    await bench.tell(0, preamble("role 0"));
    await bench.wait(4_000);
    await bench.tell(1, preamble("role 1"), content("b"), END);
    expect(bench.taken).toEqual(["role 1", "b"]);
    expect(bench.outcome).toEqual({ type: "success", attempt: bench.attempts[1], usage: USAGE });
  });

  it("names the winner once, before its first chunk is yielded", async () => {
    const bench = new Bench();
    const first = bench.stream.next();
    await settled();
    bench.attempts[0]?.tell(content("a"), content("b"));
    await first;
    expect(bench.committed).toEqual(["att_0"]);
    await bench.stream.next();
    expect(bench.committed).toEqual(["att_0"]);
  });

  it("names the winner of an empty answer too, when nobody has more to say", async () => {
    const bench = await new Bench({
      start: ({ waits }) =>
        waits ? undefined : { type: "unavailable", error: new HearthError("no_provider", "Busy.") },
    }).run();
    await bench.tell(0, preamble("role"), END);
    expect(bench.committed).toEqual(["att_0"]);
    expect(bench.taken).toEqual(["role"]);
    expect(bench.outcome).toMatchObject({ type: "success" });
  });

  it("cancels the loser at once", async () => {
    const bench = await new Bench().run();
    await bench.wait(4_000);
    await bench.tell(0, content("a"));
    expect(bench.attempts.map((attempt) => attempt.cancels)).toEqual([[], ["lost_race"]]);
  });
});

describe("failover", () => {
  it("shows the consumer nothing of an attempt that failed before content", async () => {
    const bench = await new Bench().run();
    await bench.tell(0, preamble("lost"), FAILED);
    await bench.tell(1, content("a"), END);
    expect(bench.taken).toEqual(["a"]);
    expect(bench.attempts.map((attempt) => attempt.role)).toEqual(["primary", "retry"]);
  });

  it("ends with the error of the last failure", async () => {
    const bench = await new Bench().run();
    for (const index of [0, 1, 2, 3, 4, 5]) await bench.tell(index, FAILED);
    expect(bench.outcome).toMatchObject({ type: "failed", committed: false, error: { code: "provider_error" } });
    expect(bench.attempts).toHaveLength(6);
  });

  it("tells a failure behind content as what it is, and asks nobody else", async () => {
    const bench = await new Bench().run();
    await bench.tell(0, content("a"), FAILED);
    expect(bench.taken).toEqual(["a"]);
    expect(bench.outcome).toMatchObject({ type: "failed", committed: true });
    expect(bench.attempts).toHaveLength(1);
  });

  it("takes an attempt that stops without a word for one that failed", async () => {
    const bench = await new Bench().run();
    bench.attempts[0]?.vanish();
    await settled();
    await bench.tell(1, content("a"));
    expect(bench.taken).toEqual(["a"]);
  });

  it("ends with the error of nobody being there", async () => {
    const error = new HearthError("no_provider", "Nobody.");
    const bench = await new Bench({ start: () => ({ type: "unavailable", error }) }).run();
    expect(bench.outcome).toEqual({ type: "failed", committed: false, error });
  });

  it("keeps its tries when its backup found no slot", async () => {
    const error = new HearthError("no_provider", "Busy.");
    const bench = await new Bench({
      start: ({ role }) => (role === "backup" ? { type: "unavailable", error } : undefined),
    }).run();
    await bench.wait(4_000);
    for (const index of [0, 1]) await bench.tell(index, FAILED);
    await bench.tell(2, content("third"), END);
    expect(bench.taken).toEqual(["third"]);
    expect(bench.outcome).toMatchObject({ type: "success", attempt: { id: "att_2" } });
  });
});

describe("an attempt that waits for a slot", () => {
  const waitingRetry = () => {
    const waits: { readonly signal: AbortSignal; readonly resolve: (result: StartResult) => void }[] = [];
    const bench: Bench = new Bench({
      policy: { ...POLICY, hedgeDelayMs: "never" },
      start: ({ role }, signal) =>
        role === "retry" ? new Promise((resolve) => waits.push({ signal: signal(), resolve })) : undefined,
    });
    return { bench, waits };
  };

  it("runs when it gets one", async () => {
    const { bench, waits } = waitingRetry();
    await bench.run();
    await bench.tell(0, FAILED);
    waits[0]?.resolve(bench.start("retry"));
    await settled();
    await bench.tell(1, content("a"));
    expect(bench.taken).toEqual(["a"]);
  });

  it("is told to stop waiting when patience is over", async () => {
    const { bench, waits } = waitingRetry();
    await bench.run();
    await bench.tell(0, FAILED);
    expect(waits[0]?.signal.aborted).toBe(false);
    await bench.wait(600_000);
    expect(waits[0]?.signal.aborted).toBe(true);
    expect(bench.outcome).toMatchObject({ type: "failed", error: { code: "provider_error" } });
  });

  it("takes the place of a late one only when it has a slot itself", async () => {
    const { bench, waits } = waitingRetry();
    await bench.run();
    await bench.wait(10_000);
    expect(bench.attempts[0]?.cancels).toEqual([]);
    waits[0]?.resolve(bench.start("retry"));
    await settled();
    expect(bench.attempts[0]?.cancels).toEqual(["deadline"]);
    await bench.tell(1, content("a"));
    expect(bench.taken).toEqual(["a"]);
  });

  it("is told to stop when the late one moves again, and what comes of it then is not the next one's", async () => {
    const { bench, waits } = waitingRetry();
    await bench.run();
    await bench.wait(10_000);
    await bench.tell(0, { type: "working", sign: "prefilling", counter: 1, scope: "request" });
    expect(waits[0]?.signal.aborted).toBe(true);
    await bench.tell(0, FAILED);
    expect(waits).toHaveLength(2);
    waits[0]?.resolve({ type: "unavailable", error: new HearthError("no_provider", "Nobody.") });
    await settled();
    expect(bench.outcome).toBeUndefined();
    waits[1]?.resolve(bench.start("retry"));
    await settled();
    await bench.tell(1, content("a"), END);
    expect(bench.outcome).toMatchObject({ type: "success" });
  });

  it("is cancelled when its slot comes too late", async () => {
    const { bench, waits } = waitingRetry();
    await bench.run();
    await bench.tell(0, FAILED);
    bench.abort.abort("consumer_gone");
    waits[0]?.resolve(bench.start("retry"));
    await settled();
    expect(bench.attempts[1]?.cancels).toEqual(["consumer_gone"]);
  });
});

describe("the consumer", () => {
  it("decides when more is asked of the winner", async () => {
    const bench = new Bench();
    const first = bench.stream.next();
    await settled();
    bench.attempts[0]?.tell(content("a"), content("b"), content("c"), END);
    await first;
    await settled();
    expect(bench.attempts[0]?.pulls).toBe(1);
    await bench.stream.next();
    expect(bench.attempts[0]?.pulls).toBe(2);
  });

  it("is not charged for the time it let the provider wait", async () => {
    const bench = new Bench();
    const first = bench.stream.next();
    await settled();
    bench.attempts[0]?.tell(content("a"));
    await first;
    bench.clock.advance(40_000);
    const second = bench.stream.next();
    await settled();
    bench.clock.advance(40_000);
    bench.attempts[0]?.tell(content("b"));
    expect((await second).value).toMatchObject([{ parsed: "b" }]);
  });

  it("hears of a stall behind content after 45 s", async () => {
    const bench = await new Bench().run();
    await bench.tell(0, content("a"));
    await bench.wait(45_000);
    expect(bench.outcome).toMatchObject({ type: "failed", committed: true, error: { code: "stream_timeout" } });
    expect(bench.attempts[0]?.cancels).toEqual(["stalled"]);
  });

  it("cancels everything by going away", async () => {
    const bench = await new Bench().run();
    await bench.wait(4_000);
    bench.abort.abort("consumer_gone");
    await settled();
    expect(bench.attempts.map((attempt) => attempt.cancels)).toEqual([["consumer_gone"], ["consumer_gone"]]);
    expect(bench.outcome).toEqual({ type: "cancelled", committed: false, reason: "consumer_gone" });
  });

  it("starts nothing when it has gone before the beginning", async () => {
    const bench = new Bench();
    bench.abort.abort("shutdown");
    await bench.run();
    expect(bench.attempts).toEqual([]);
    expect(bench.outcome).toEqual({ type: "cancelled", committed: false, reason: "shutdown" });
  });

  it("cancels the winner by returning the generator", async () => {
    const bench = new Bench();
    const first = bench.stream.next();
    await settled();
    bench.attempts[0]?.tell(content("a"));
    await first;
    await bench.stream.return({ type: "cancelled", committed: true, reason: "consumer_gone" });
    expect(bench.attempts[0]?.cancels).toEqual(["consumer_gone"]);
    expect(bench.clock.pending).toBe(0);
  });
});

it("tells a failure with its status and the backend's own words", () => {
  const upstreamError = { message: "too long" };
  const error = toError({ ...FAILURE, code: "rejected", status: 422, upstreamError });
  expect(error).toMatchObject({ code: "request_rejected", details: { status: 422, upstreamError } });
});

// What any attempts may tell, in any order, at any time.

type Move =
  | { readonly type: "wait"; readonly ms: number }
  | {
      readonly type: "tell";
      readonly attempt: number;
      readonly kind: "working" | "preamble" | "content" | "end" | "failed";
    }
  | { readonly type: "vanish"; readonly attempt: number };

const index = fc.integer({ min: 0, max: 5 });
const moves: fc.Arbitrary<Move> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ type: fc.constant("wait" as const), ms: fc.integer({ min: 0, max: 20_000 }) }) },
  {
    weight: 8,
    arbitrary: fc.record({
      type: fc.constant("tell" as const),
      attempt: index,
      kind: fc.constantFrom("working", "preamble", "preamble", "content", "end", "failed"),
    }),
  },
  { weight: 1, arbitrary: fc.record({ type: fc.constant("vanish" as const), attempt: index }) },
);

describe("whatever the attempts tell", () => {
  it("the consumer gets a prefix of one attempt's events and one end, and nothing is left behind", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(moves, { maxLength: 20 }), fc.option(fc.nat(20)), async (sequence, leavesAfter) => {
        const bench = await new Bench().run();
        const told: string[][] = [[], [], [], [], [], []];
        for (const [at, move] of sequence.entries()) {
          if (at === leavesAfter) bench.abort.abort("consumer_gone");
          if (move.type === "wait") bench.clock.advance(move.ms);
          if (move.type === "vanish") bench.attempts[move.attempt]?.vanish();
          if (move.type === "tell" && bench.attempts[move.attempt] !== undefined) {
            const texts = told[move.attempt] as string[];
            const name = `${move.attempt}.${texts.length}`;
            if (move.kind === "preamble" || move.kind === "content") texts.push(name);
            bench.attempts[move.attempt]?.tell(eventOf(move.kind, name));
          }
          await settled();
        }
        for (let round = 0; round < 8 && bench.outcome === undefined; round++) await bench.wait(700_000);
        expect(bench.outcome).toBeDefined();
        expect(bench.clock.pending).toBe(0);
        const winner = Number(bench.taken[0]?.split(".")[0] ?? 0);
        expect(bench.taken).toEqual(told[winner]?.slice(0, bench.taken.length));
        expect(bench.attempts.length).toBeLessThanOrEqual(6);
      }),
      { numRuns: 1_000 },
    );
  });
});

function eventOf(kind: Extract<Move, { type: "tell" }>["kind"], name: string): AttemptEvent {
  switch (kind) {
    case "working":
      return { type: "working", sign: "loading", counter: 1, scope: "request" };
    case "preamble":
      return preamble(name);
    case "content":
      return content(name);
    case "end":
      return END;
    case "failed":
      return FAILED;
  }
}
