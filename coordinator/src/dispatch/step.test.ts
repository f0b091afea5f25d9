import type { WorkingScope, WorkingSign } from "@hearth/protocol";
import { describe, expect, it } from "vitest";
import {
  chunk,
  content,
  END,
  emitted,
  failed,
  failure,
  LOADING,
  Machine,
  of,
  preamble,
  rejected,
  running,
  sign,
  USAGE,
} from "../testing/step-machine.js";
import { DEFAULT_POLICY, policyFor } from "./policy.js";
import type { DispatchPolicy } from "./types.js";

const NO_HEDGE: DispatchPolicy = policyFor(DEFAULT_POLICY, { arrivedAt: 0, hedgeDelayMs: "never" });
const LATE = [{ type: "cancel", attempt: 0, reason: "deadline" }];
const opened = (machine: Machine) => of("open", machine.effects).map(({ attempt, terms }) => [attempt, terms.role]);

describe("rule 1, deferred commit", () => {
  it("emits nothing before the first content", () => {
    const machine = running();
    machine.event(0, LOADING);
    machine.event(0, preamble());
    expect(of("emit", machine.effects)).toEqual([]);
    expect(of("commit", machine.effects)).toEqual([]);
  });

  it("commits at the first content, and then emits it", () => {
    const machine = running();
    const effects = machine.event(0, content("a", "b"));
    expect(effects.map((effect) => effect.type)).toEqual(["commit", "emit", "arm"]);
    expect(emitted(machine)).toEqual(["a", "b"]);
  });

  it("holds eight chunks, and fails who sends a ninth: it never commits", () => {
    const machine = running();
    for (let held = 0; held < 8; held++) expect(of("hold", machine.event(0, preamble()))).toHaveLength(1);
    const effects = machine.event(0, preamble("ninth"));
    expect(effects).toMatchObject([
      { type: "cancel", attempt: 0, reason: "stalled" },
      { type: "open", attempt: 1, terms: { role: "retry" } },
    ]);
    expect(of("commit", machine.effects)).toEqual([]);
    machine.unavailable(1);
    expect(machine.result).toMatchObject({ type: "failed", committed: false, failure: { code: "protocol_violation" } });
  });

  it("holds 64 KiB, and fails who sends more", () => {
    const machine = running();
    expect(of("hold", machine.event(0, preamble("big", 64 * 1024)))).toHaveLength(1);
    expect(of("cancel", machine.event(0, preamble("more", 1)))).toHaveLength(1);
  });

  it("merges what says the same again, however often", () => {
    const machine = running();
    machine.event(0, preamble());
    const again = { type: "preamble", chunk: chunk("role"), repeats: true } as const;
    for (let i = 0; i < 100; i++) {
      expect(machine.event(0, again)).toEqual([{ type: "hold", attempt: 0, chunk: again.chunk, instead: true }]);
    }
    expect(machine.state.phase).toBe("racing");
  });

  it("counts what it holds for each attempt by itself", () => {
    const machine = running();
    for (let held = 0; held < 8; held++) machine.event(0, preamble());
    machine.wait(4_000);
    machine.started(1);
    expect(of("hold", machine.event(1, preamble()))).toEqual([expect.objectContaining({ attempt: 1 })]);
    expect(machine.state.phase).toBe("racing");
  });
});

describe("rule 2, invisible failover", () => {
  it("opens a retry when the only attempt fails before content", () => {
    const machine = running();
    expect(of("open", machine.event(0, failed()))).toEqual([
      { type: "open", attempt: 1, terms: { role: "retry", waits: true, until: 600_000, last: false } },
    ]);
    expect(machine.result).toBeUndefined();
  });

  it("waits for the other attempt when one of two fails", () => {
    const machine = running();
    machine.wait(4_000);
    machine.started(1);
    expect(machine.event(0, failed())).toEqual([]);
    machine.event(1, content("backup"));
    expect(emitted(machine)).toEqual(["backup"]);
  });

  it("tries six times where nobody costs the consumer time, tells the sixth that it is the last, and then fails", () => {
    const machine = new Machine(NO_HEDGE);
    for (let index = 0; index < 6; index++) {
      machine.started(index);
      machine.event(index, failed(index === 5 ? "truncated" : undefined));
    }
    expect(of("open", machine.effects).map(({ terms }) => terms.last)).toEqual([
      ...Array.from({ length: 5 }, () => false),
      true,
    ]);
    expect(machine.result).toEqual({ type: "failed", committed: false, failure: failure("truncated") });
  });

  it("tries three times where each costs more than a second, and tells the third that it is the last", () => {
    const machine = new Machine(NO_HEDGE);
    for (let index = 0; index < 3; index++) {
      machine.started(index);
      machine.wait(1_001);
      machine.event(index, failed());
    }
    expect(of("open", machine.effects).map(({ terms }) => terms.last)).toEqual([false, false, true]);
    expect(machine.result).toMatchObject({ type: "failed", failure: { code: "backend_error" } });
  });

  it("counts a second as no cost, and an answer that had begun to be written as one", () => {
    const cheap = running(NO_HEDGE);
    cheap.wait(1_000);
    cheap.event(0, failed());
    expect(cheap.state).toMatchObject({ costly: 0 });
    const begun = running(NO_HEDGE);
    begun.event(0, sign("generating"));
    begun.event(0, failed());
    expect(begun.state).toMatchObject({ costly: 1 });
  });

  it("counts the time of one that was beaten by an answer that is being written", () => {
    const machine = running();
    machine.wait(4_000);
    machine.started(1);
    machine.event(1, sign("generating"));
    expect(machine.state).toMatchObject({ costly: 1 });
  });

  it("starts none beside an attempt that may come to cost time, where no more may", () => {
    const machine = new Machine(NO_HEDGE);
    for (const index of [0, 1]) {
      machine.started(index);
      machine.wait(2_000);
      machine.event(index, failed());
    }
    const hedging = { ...NO_HEDGE, hedgeDelayMs: 4_000 };
    machine.policy = hedging;
    machine.started(2, { hedgeAtOnce: true });
    machine.wait(0);
    expect(opened(machine)).toHaveLength(3);
  });

  it("gives a retry a clock of its own", () => {
    const machine = running(NO_HEDGE);
    machine.wait(7_000);
    machine.event(0, failed());
    machine.wait(3_000);
    expect(of("arm", machine.started(1, { estimateMs: 20_000 }))).toEqual([
      { type: "arm", timer: "due:1", at: 30_000 },
    ]);
  });

  it("loses no try to a backup that nobody could take", () => {
    const machine = running();
    machine.wait(4_000);
    machine.unavailable(1);
    machine.event(0, failed());
    machine.started(1);
    machine.event(1, failed());
    expect(opened(machine)).toEqual([
      [0, "primary"],
      [1, "backup"],
      [1, "retry"],
      [2, "retry"],
    ]);
  });

  it("tells that nobody is there when nobody ever was", () => {
    const machine = new Machine();
    machine.unavailable(0);
    expect(machine.result).toMatchObject({ type: "unavailable", error: { code: "no_provider" } });
  });

  it("tells what went wrong rather than that nobody is left", () => {
    const machine = running();
    machine.event(0, failed("connection_lost"));
    machine.unavailable(1);
    expect(machine.result).toEqual({ type: "failed", committed: false, failure: failure("connection_lost") });
  });
});

describe("rule 3, the estimate and the deadline", () => {
  it("takes a silent attempt for late at its estimate, and lets go of it when somebody has taken its place", () => {
    const machine = running(NO_HEDGE);
    expect(of("open", machine.wait(9_999))).toEqual([]);
    expect(of("open", machine.wait(1))).toMatchObject([{ attempt: 1, terms: { role: "retry", waits: true } }]);
    expect(of("cancel", machine.effects)).toEqual([]);
    expect(of("cancel", machine.started(1))).toEqual(LATE);
    machine.event(1, content("second"));
    expect(emitted(machine)).toEqual(["second"]);
  });

  it("looks at the estimate of one that moves for somebody who is free and expected before its deadline", () => {
    const machine = running(NO_HEDGE);
    machine.event(0, sign("prefilling"));
    expect(of("open", machine.wait(10_000))).toMatchObject([
      { attempt: 1, terms: { role: "overtake", waits: false, expectedBefore: 40_000 } },
    ]);
    expect(of("cancel", machine.started(1))).toEqual([]);
    machine.event(1, content("overtaken"));
    expect(of("cancel", machine.effects)).toEqual([{ type: "cancel", attempt: 0, reason: "lost_race" }]);
  });

  it("looks again each second for somebody to overtake it, until it is late", () => {
    const machine = running(NO_HEDGE, { estimateMs: 100_000 });
    machine.event(0, sign("prefilling"));
    machine.refuse("overtake");
    machine.wait(149_999);
    expect(opened(machine).filter(([, role]) => role === "overtake")).toHaveLength(50);
    expect(of("open", machine.wait(1))).toMatchObject([{ attempt: 1, terms: { role: "retry" } }]);
  });

  it("cancels the late one at once where another runs", () => {
    const machine = running(NO_HEDGE, { estimateMs: 100_000 });
    machine.event(0, sign("prefilling"));
    machine.wait(100_000);
    machine.started(1, { estimateMs: 90_000 });
    expect(of("cancel", machine.wait(50_000))).toEqual(LATE);
    expect(machine.result).toBeUndefined();
  });

  it("waits for a late attempt while nobody else is there, and asks again each second", () => {
    const machine = running(NO_HEDGE);
    machine.refuse("retry");
    machine.wait(300_000);
    expect(opened(machine)).toHaveLength(1 + 291);
    expect(of("cancel", machine.effects)).toEqual([]);
    machine.event(0, content("at last"));
    expect(emitted(machine)).toEqual(["at last"]);
  });

  it("looks for nobody else while somebody waits for room, and again when that has come to nothing", () => {
    const machine = running({ ...NO_HEDGE, maxAttempts: 2 });
    machine.wait(70_000);
    expect(opened(machine)).toHaveLength(2);
    machine.unavailable(1);
    machine.wait(1_000);
    expect(opened(machine)).toHaveLength(3);
    expect(of("cancel", machine.started(1))).toEqual(LATE);
  });

  it.each([sign("prefilling"), preamble()])("calls the search off when the late attempt moves again", (event) => {
    const machine = running(NO_HEDGE);
    machine.wait(11_000);
    expect(of("cancel", machine.event(0, event))).toEqual([{ type: "cancel", attempt: 1, reason: "superseded" }]);
    expect(of("cancel", machine.event(0, sign("prefilling", 2)))).toEqual([]);
    // It was no try.
    expect(of("open", machine.wait(1_000))).toMatchObject([{ attempt: 1, terms: { role: "overtake" } }]);
    expect(of("cancel", machine.started(1))).toEqual([]);
  });

  it("waits for the last attempt that may be until patience ends", () => {
    const machine = running({ ...NO_HEDGE, maxAttempts: 1 });
    machine.wait(599_999);
    expect(machine.state.phase).toBe("racing");
    expect(of("cancel", machine.wait(1))).toEqual(LATE);
    expect(machine.result).toMatchObject({ type: "failed", failure: { code: "timeout", status: 504, faulty: true } });
  });

  it("lets a timer pass that is no longer meant", () => {
    const machine = running();
    expect(machine.feed({ type: "timer", timer: "due:0", now: 5_000 })).toEqual([
      { type: "arm", timer: "due:0", at: 10_000 },
    ]);
    expect(machine.feed({ type: "timer", timer: "due:1", now: 5_000 })).toEqual([]);
  });
});

describe("rule 4, signs of life", () => {
  type Movement = readonly [atS: number, what: WorkingSign | "preamble", scope?: WorkingScope];

  /** When an attempt that makes these movements is late, s. */
  function lateAtS(...moves: readonly Movement[]): number {
    const machine = running(NO_HEDGE);
    machine.refuse("overtake");
    for (const [index, [atS, what, scope]] of moves.entries()) {
      machine.wait(atS * 1_000 - machine.now);
      machine.event(0, what === "preamble" ? preamble() : sign(what, index, scope));
    }
    while (machine.result === undefined && !opened(machine).some(([, role]) => role === "retry")) machine.wait(500);
    return machine.now / 1_000;
  }

  const each = (what: WorkingSign, ...atS: readonly number[]): Movement[] => atS.map((at) => [at, what]);
  const everyFortySeconds = Array.from({ length: 16 }, (_, at) => at * 40);

  it.each([
    ["nothing", [], 10],
    ["a place in line", each("queued", 2), 40],
    ["a movement", each("prefilling", 9), 40],
    ["movements to four times the estimate", each("prefilling", 5, 20, 39), 40],
    ["loading", each("loading", 9), 54],
    ["loading, which four times the estimate do not end", each("loading", 9, 50, 90), 135],
    ["a first word", [[1, "preamble"] satisfies Movement], 40],
    ["loading without an end, to ten minutes", each("loading", ...everyFortySeconds), 600],
  ])("gives time to %s", (_name, moves, atS) => {
    expect(lateAtS(...moves)).toBe(atS);
  });

  it("extends once by what cannot be tied to the request", () => {
    expect(lateAtS([1, "loading", "server"])).toBe(46);
    expect(lateAtS([1, "loading", "server"], [30, "loading", "server"], [44, "preamble"])).toBe(46);
    expect(lateAtS([1, "loading", "server"], [30, "loading"])).toBe(75);
  });

  it("never takes silence for loading, nor less than silence for a comment", () => {
    expect(lateAtS()).toBe(10);
    expect(lateAtS([1, "prefilling", "server"])).toBeGreaterThanOrEqual(15);
  });

  it("takes the first word of a whole answer for its content: the others are let go, and nobody commits", () => {
    const machine = running();
    machine.wait(4_000);
    machine.started(1);
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

  it("takes no word of the server's for one of the request's", () => {
    const machine = running();
    machine.wait(4_000);
    machine.started(1);
    expect(machine.event(1, sign("generating", 1, "server"))).toEqual([]);
    expect(machine.state).toMatchObject({ attempts: [{ writing: undefined }, { writing: undefined }] });
  });
});

describe("an answer that is being written", () => {
  const writing = (policy = NO_HEDGE): Machine => {
    const machine = running(policy);
    machine.event(0, sign("generating"));
    return machine;
  };

  it("goes elsewhere, unseen, when it dies, and patience begins anew", () => {
    const machine = writing();
    for (let moved = 2; moved < 30; moved++) {
      machine.wait(30_000);
      machine.event(0, sign("generating", moved));
    }
    expect(of("open", machine.event(0, failed("connection_lost")))).toMatchObject([
      { attempt: 1, terms: { role: "retry", until: machine.now + 600_000 } },
    ]);
    machine.wait(600_000);
    expect(machine.result).toMatchObject({ type: "failed", failure: { code: "connection_lost" } });
  });

  it("looks for another after 45 s of silence, and is let go of when that one has started", () => {
    const machine = writing();
    expect(of("open", machine.wait(44_999))).toEqual([]);
    expect(of("open", machine.wait(1))).toMatchObject([{ attempt: 1, terms: { role: "retry", waits: true } }]);
    expect(of("cancel", machine.started(1))).toEqual(LATE);
  });

  it("leaves patience to whoever takes its place, however late that is", () => {
    const machine = writing();
    for (let moved = 2; moved < 25; moved++) {
      machine.wait(30_000);
      machine.event(0, sign("generating", moved));
    }
    machine.wait(50_000);
    machine.started(1);
    expect(machine.timers.get("patience")).toBe(machine.now + 600_000);
    machine.refuse("retry");
    machine.wait(600_000);
    expect(machine.result).toMatchObject({ type: "failed", failure: { code: "timeout" } });
  });

  it("is kept when it goes on, and whoever waits to take its place is sent away", () => {
    const machine = writing();
    machine.wait(45_000);
    expect(of("cancel", machine.event(0, sign("generating", 2)))).toEqual([
      { type: "cancel", attempt: 1, reason: "lost_race" },
    ]);
    expect(machine.state).toMatchObject({ attempts: [{ index: 0, late: false }] });
  });

  it("is waited for alone, for 600 s of silence, whatever patience says", () => {
    const machine = writing({ ...NO_HEDGE, maxAttempts: 1, patienceAt: 60_000, patienceMs: 60_000 });
    machine.wait(599_999);
    expect(machine.state.phase).toBe("racing");
    expect(of("cancel", machine.wait(1))).toEqual([{ type: "cancel", attempt: 0, reason: "stalled" }]);
    expect(machine.result).toMatchObject({ type: "failed", failure: { code: "stalled" } });
  });

  it("is kept by other signs for 600 s, and not for ever", () => {
    const machine = writing({ ...NO_HEDGE, maxAttempts: 1 });
    for (let moved = 1; moved < 30 && machine.result === undefined; moved++) {
      machine.wait(30_000);
      machine.event(0, sign("prefilling", moved, "server"));
    }
    expect(machine.now).toBe(600_000);
    expect(machine.result).toMatchObject({ type: "failed", failure: { code: "stalled" } });
  });

  it("has no backup", () => {
    const machine = running();
    machine.event(0, sign("generating"));
    machine.wait(5_000);
    expect(opened(machine)).toHaveLength(1);
  });
});

describe("rule 5, patience", () => {
  const impatient = { ...NO_HEDGE, patienceAt: 30_000, patienceMs: 30_000 };

  it("gives the time by which it ends to everybody who waits for room", () => {
    const machine = new Machine(impatient);
    expect(of("open", machine.effects)).toMatchObject([{ terms: { until: 30_000 } }]);
    expect(machine.timers.get("patience")).toBe(30_000);
  });

  it.each([
    ["that nobody became free", "no_room", 429, () => new Machine(impatient)],
    ["that nobody began to answer", "timeout", 504, () => running(impatient)],
    ["that one waited in line only", "timeout", 504, () => heardOf(sign("queued"))],
    ["that the model was being loaded", "load_timeout", 504, () => heardOf(sign("loading"))],
    ["that one began and fell silent", "fell_silent", 504, () => heardOf(sign("prefilling"))],
    ["the same, by its first words", "fell_silent", 504, () => heardOf(preamble())],
    ["the same of one that had loaded", "fell_silent", 504, () => heardOf(LOADING, preamble(), LOADING)],
  ] as const)("tells %s", (_name, code, status, begin) => {
    const machine = begin();
    machine.refuse("retry");
    machine.refuse("overtake");
    machine.wait(29_999);
    expect(machine.state.phase).toBe("racing");
    machine.wait(1);
    expect(machine.result).toMatchObject({ type: "failed", committed: false, failure: { code, status } });
  });

  function heardOf(...events: Parameters<Machine["event"]>[1][]): Machine {
    const machine = running(impatient);
    for (const event of events) machine.event(0, event);
    return machine;
  }

  it("blames nobody for a deadline that it was started too late to meet", () => {
    const machine = new Machine(impatient);
    machine.wait(25_000);
    machine.started(0);
    expect(of("cancel", machine.wait(5_000))).toEqual([{ type: "cancel", attempt: 0, reason: "superseded" }]);
  });

  it("opens nothing when it is over", () => {
    const machine = running({ ...impatient, patienceAt: 0 });
    expect(machine.event(0, failed())).toMatchObject([{ type: "finish", result: { type: "failed" } }]);
  });

  it("tells the consumer what it can act on rather than that time was up", () => {
    const machine = running(impatient);
    machine.event(0, rejected(422));
    machine.wait(30_000);
    expect(machine.result).toMatchObject({ failure: { code: "rejected", status: 422 } });
  });
});

describe("rule 6, the speculative race", () => {
  it("starts one backup when the hedge delay passes without content", () => {
    const machine = running();
    expect(of("open", machine.wait(3_999))).toEqual([]);
    expect(of("open", machine.wait(1))).toMatchObject([{ attempt: 1, terms: { role: "backup", waits: false } }]);
  });

  it("counts the delay from when the attempt has its provider", () => {
    const machine = new Machine();
    machine.wait(100_000);
    machine.started(0);
    expect(of("open", machine.wait(3_999))).toEqual([]);
    expect(of("open", machine.wait(1))).toHaveLength(1);
  });

  it("starts it at half the estimate before there is evidence", () => {
    const machine = running({ ...NO_HEDGE, hedgeDelayMs: "half_estimate" }, { estimateMs: 8_000 });
    expect(of("open", machine.wait(3_999))).toEqual([]);
    expect(of("open", machine.wait(1))).toHaveLength(1);
  });

  it("starts it at once beside one that is to show what it can", () => {
    const machine = new Machine();
    machine.started(0, { hedgeAtOnce: true });
    expect(of("open", machine.wait(0))).toMatchObject([{ attempt: 1, terms: { role: "backup" } }]);
  });

  it("starts none where none is wanted, none behind the commit, and none when the estimate has passed", () => {
    const unwanted = running(NO_HEDGE);
    unwanted.wait(9_000);
    const committed = running();
    committed.event(0, content("a"));
    committed.wait(5_000);
    const slow = running({ ...NO_HEDGE, hedgeDelayMs: 12_000 });
    slow.event(0, sign("prefilling"));
    slow.refuse("overtake");
    slow.wait(14_000);
    for (const machine of [unwanted, committed, slow]) {
      expect(opened(machine).filter(([, role]) => role === "backup")).toEqual([]);
    }
  });

  it("starts none beside a retry, which is none of those it was counted for", () => {
    const machine = running();
    machine.wait(3_000);
    machine.event(0, failed());
    machine.started(1);
    machine.wait(5_000);
    expect(opened(machine)).toHaveLength(2);
  });

  it("hedges once a request", () => {
    const machine = running();
    machine.wait(4_000);
    machine.started(1);
    machine.event(1, failed());
    machine.feed({ type: "timer", timer: "hedge", now: 5_000 });
    expect(opened(machine).filter(([, role]) => role === "backup")).toHaveLength(1);
  });

  it.each([
    [0, 1],
    [1, 0],
  ])("lets attempt %i win with its first content, and cancels the other", (winner, loser) => {
    const machine = running();
    machine.wait(4_000);
    machine.started(1);
    const effects = machine.event(winner, content("first"));
    expect(of("cancel", effects)).toEqual([{ type: "cancel", attempt: loser, reason: "lost_race" }]);
    expect(of("commit", effects)).toEqual([{ type: "commit", attempt: winner }]);
  });

  it("lets no preamble win", () => {
    const machine = running();
    machine.event(0, preamble());
    machine.wait(4_000);
    machine.started(1);
    expect(of("commit", machine.effects)).toEqual([]);
    machine.event(1, content("backup"));
    expect(of("commit", machine.effects)).toEqual([{ type: "commit", attempt: 1 }]);
  });

  it("hears nothing of the loser any more", () => {
    const machine = running();
    machine.wait(4_000);
    machine.started(1);
    machine.event(0, content("winner"));
    for (const event of [preamble(), content("loser"), failed(), END]) expect(machine.event(1, event)).toEqual([]);
    expect(emitted(machine)).toEqual(["winner"]);
  });

  it("hears nothing of one that has not started", () => {
    const machine = new Machine();
    expect(machine.event(0, content("nobody"))).toEqual([]);
  });
});

describe("rule 7, after the commit", () => {
  const committed = (): Machine => {
    const machine = running();
    machine.event(0, content("a"));
    return machine;
  };

  it("tells a failure as one behind content, and opens nothing", () => {
    const machine = committed();
    expect(machine.event(0, failed("connection_lost"))).toEqual([
      { type: "finish", result: { type: "failed", committed: true, failure: failure("connection_lost") } },
    ]);
  });

  it("cancels a stream of which nothing was heard for 45 s", () => {
    const machine = committed();
    expect(machine.wait(44_999)).toEqual([]);
    expect(machine.wait(1)).toMatchObject([
      { type: "cancel", attempt: 0, reason: "stalled" },
      { type: "finish", result: { type: "failed", committed: true, failure: { code: "stalled" } } },
    ]);
  });

  it("counts the 45 s from the last content or sign, and not from what says nothing", () => {
    const machine = committed();
    machine.wait(30_000);
    machine.event(0, content("b"));
    machine.wait(30_000);
    machine.event(0, sign("generating", 1, "server"));
    machine.wait(30_000);
    machine.event(0, preamble("trailer"));
    expect(machine.state.phase).toBe("committed");
    machine.wait(15_000);
    expect(machine.result).toMatchObject({ type: "failed", failure: { code: "stalled" } });
  });

  it("is kept by signs alone for 600 s", () => {
    const machine = committed();
    for (let moved = 0; moved < 30; moved++) {
      machine.wait(19_999);
      machine.event(0, sign("generating", moved));
    }
    expect(machine.state.phase).toBe("committed");
    machine.wait(30);
    expect(machine.result).toMatchObject({ type: "failed", failure: { code: "stalled" } });
  });

  it("does not count the time for which the consumer made the provider wait", () => {
    const machine = committed();
    machine.wait(40_000);
    machine.feed({ type: "resumed", now: machine.now });
    machine.wait(44_999);
    expect(machine.state.phase).toBe("committed");
    machine.wait(1);
    expect(machine.state.phase).toBe("closed");
  });

  it("does nothing behind the end", () => {
    const machine = committed();
    machine.event(0, END);
    expect(machine.result).toEqual({ type: "success", attempt: 0, usage: USAGE });
    expect([machine.event(0, content("late")), machine.abort(), machine.wait(100_000)]).toEqual([[], [], []]);
  });
});

describe("rule 8, an empty answer", () => {
  const ANSWER = [
    { type: "commit", attempt: 0 },
    { type: "finish", result: { type: "success", attempt: 0, usage: USAGE } },
  ];

  it("is asked for once more where somebody is free, and is an answer where nobody is", () => {
    const machine = running();
    machine.event(0, preamble());
    expect(machine.event(0, END)).toMatchObject([{ type: "open", attempt: 1, terms: { role: "retry", waits: false } }]);
    expect(machine.unavailable(1)).toEqual(ANSWER);
  });

  it("is an answer when whoever is asked then fails, or takes longer than was expected", () => {
    for (const end of [
      (machine: Machine) => machine.event(1, failed()),
      (machine: Machine) => machine.event(1, rejected(400)),
      (machine: Machine) => machine.wait(10_000).filter(({ type }) => type !== "cancel"),
    ]) {
      const machine = running(NO_HEDGE);
      machine.event(0, END);
      machine.started(1);
      expect(end(machine)).toEqual(ANSWER);
      expect(opened(machine)).toHaveLength(2);
    }
  });

  it("is beaten by content, and is the second one's when both are empty", () => {
    const full = running();
    full.event(0, END);
    full.started(1);
    full.event(1, content("words"));
    expect(emitted(full)).toEqual(["words"]);
    const empty = running();
    empty.event(0, END);
    empty.started(1);
    empty.event(1, END);
    expect(empty.result).toEqual({ type: "success", attempt: 1, usage: USAGE });
  });

  it("waits for another that runs, and not for one that waits for room", () => {
    const racing = running();
    racing.wait(4_000);
    racing.started(1);
    expect(racing.event(1, END)).toEqual([]);
    racing.event(0, content("words"));
    expect(emitted(racing)).toEqual(["words"]);
    const late = running(NO_HEDGE);
    late.wait(10_000);
    expect(late.event(0, END)).toEqual([{ type: "cancel", attempt: 1, reason: "lost_race" }, ...ANSWER]);
  });

  it("is an answer at once where no attempt is left", () => {
    expect(running({ ...NO_HEDGE, maxAttempts: 1 }).event(0, END)).toEqual(ANSWER);
  });

  it("is an answer at once where patience is over, as it may be behind one that was being written", () => {
    const machine = running({ ...NO_HEDGE, patienceAt: 5_000, patienceMs: 5_000 });
    machine.event(0, sign("generating"));
    machine.wait(5_000);
    expect(machine.event(0, END)).toEqual(ANSWER);
  });
});

describe("rule 10, whose fault", () => {
  it("asks one that is unlike those that refused, once, and tells the first one's words", () => {
    const machine = running(NO_HEDGE);
    expect(of("open", machine.event(0, rejected(400)))).toMatchObject([
      { attempt: 1, terms: { role: "retry", waits: false, unlikeEarlier: true } },
    ]);
    machine.started(1);
    machine.event(1, rejected(422));
    expect(machine.result).toMatchObject({ type: "failed", failure: { code: "rejected", status: 400 } });
  });

  it("tells the refusal when nobody unlike is there", () => {
    const machine = running(NO_HEDGE);
    machine.event(0, rejected(400));
    machine.unavailable(1);
    expect(machine.result).toMatchObject({ type: "failed", failure: { status: 400 } });
  });

  it("goes on from a 5xx behind a refusal, with anybody, and tells the refusal in the end", () => {
    const machine = running(NO_HEDGE);
    machine.event(0, rejected(400));
    machine.started(1);
    const [open] = of("open", machine.event(1, failed()));
    expect(open?.terms).not.toHaveProperty("unlikeEarlier");
    machine.unavailable(2);
    expect(machine.result).toMatchObject({ failure: { code: "rejected", status: 400 } });
  });

  it("waits for the other of two that race when one refuses", () => {
    const machine = running();
    machine.wait(4_000);
    machine.started(1);
    expect(machine.event(0, rejected(400))).toEqual([]);
    machine.event(1, content("backup"));
    expect(emitted(machine)).toEqual(["backup"]);
  });

  it("sends what no other could do better straight back", () => {
    const machine = running();
    machine.wait(4_000);
    machine.started(1);
    const effects = machine.event(0, failed("rejected", false));
    expect(of("open", effects)).toEqual([]);
    expect(of("cancel", effects)).toEqual([{ type: "cancel", attempt: 1, reason: "superseded" }]);
    expect(machine.result).toEqual({ type: "failed", committed: false, failure: failure("rejected", false) });
  });
});

describe("rule 11, the consumer goes away", () => {
  it("cancels every attempt of a race, also one that waits for room", () => {
    const machine = running();
    machine.wait(4_000);
    expect(machine.abort()).toEqual([
      { type: "cancel", attempt: 0, reason: "consumer_gone" },
      { type: "cancel", attempt: 1, reason: "consumer_gone" },
      { type: "finish", result: { type: "cancelled", committed: false, reason: "consumer_gone" } },
    ]);
  });

  it("cancels the winner behind the commit", () => {
    const machine = running();
    machine.event(0, content("a"));
    expect(machine.abort()).toEqual([
      { type: "cancel", attempt: 0, reason: "consumer_gone" },
      { type: "finish", result: { type: "cancelled", committed: true, reason: "consumer_gone" } },
    ]);
  });
});
