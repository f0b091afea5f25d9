import { FakeClock } from "@hearth/platform/testing";
import fc from "fast-check";
import { expect, it } from "vitest";
import { fakeProvider, fakeTraits } from "../testing/fake-provider.js";
import { DEFAULT_BREAKER } from "./breaker-settings.js";
import { CircuitBreaker } from "./circuit-breaker.js";
import type { Verdict } from "./pick-result.js";
import type { Shape, Traits } from "./traits.js";

const SHAPES: readonly Shape[] = ["base", "tools"];
const P = fakeProvider("p");

const verdicts: fc.Arbitrary<Verdict> = fc.oneof(
  fc.constantFrom<Verdict>("success", "neutral", "late", "retraction"),
  fc.record({ confirmed: fc.boolean(), connectionLost: fc.boolean() }),
);
const shapes = fc.constantFrom(...SHAPES);

/** What may happen. Requests end in any order, and what is told of them was seen up to two minutes before. */
type Happening =
  | { readonly type: "start"; readonly shape: Shape }
  | { readonly type: "end"; readonly which: number; readonly verdict: Verdict; readonly agoMs: number }
  | { readonly type: "wait"; readonly ms: number };

const happenings: fc.Arbitrary<readonly Happening[]> = fc.array(
  fc.oneof(
    { weight: 3, arbitrary: fc.record({ type: fc.constant("start" as const), shape: shapes }) },
    {
      weight: 4,
      arbitrary: fc.record({
        type: fc.constant("end" as const),
        which: fc.nat(20),
        verdict: verdicts,
        agoMs: fc.oneof(fc.constant(0), fc.nat(120_000)),
      }),
    },
    { weight: 3, arbitrary: fc.record({ type: fc.constant("wait" as const), ms: fc.nat(90_000) }) },
  ),
  { maxLength: 120 },
);

interface Running {
  readonly traits: Traits;
  readonly probe: boolean;
}

/** A caller that sends nothing to a provider that is open, and what may be known of the breaker from outside. */
class Caller {
  readonly clock = new FakeClock();
  readonly openedAt = new Map<Shape, number>();
  readonly #running: Running[] = [];
  readonly breaker: CircuitBreaker;

  constructor(chance: number) {
    this.clock.advance(1_000_000);
    this.breaker = new CircuitBreaker({
      clock: this.clock,
      rng: { next: () => chance },
      settings: () => ({ ...DEFAULT_BREAKER, openToFenceMachine: SHAPES.length + 1 }),
      hooks: { opened: (shape) => this.openedAt.set(shape, this.clock.now()), capacityCooled() {} },
    });
  }

  isOpen(shape: Shape): boolean {
    return this.breaker.isOpen(P, fakeTraits({ shape }));
  }

  probes(shape: Shape): number {
    return this.#running.filter((each) => each.probe && each.traits.shape === shape).length;
  }

  start(shape: Shape): void {
    if (this.isOpen(shape)) return;
    const traits = fakeTraits({ shape });
    this.#running.push({ traits, probe: this.breaker.claim(P, traits) });
  }

  end(which: number, verdict: Verdict, agoMs: number): Shape | undefined {
    const [ended] = this.#running.splice(which % Math.max(1, this.#running.length), 1);
    if (ended === undefined) return undefined;
    this.breaker.judge(P, ended.traits, verdict, this.clock.now() - agoMs);
    return ended.traits.shape;
  }

  /** @returns the shape that it was about */
  happens(happening: Happening): Shape | undefined {
    switch (happening.type) {
      case "start":
        this.start(happening.shape);
        return happening.shape;
      case "end":
        return this.end(happening.which, happening.verdict, happening.agoMs);
      case "wait":
        this.clock.advance(happening.ms);
        return undefined;
    }
  }

  /** Lets everything that runs end, the probes well, so that every shape is closed. */
  settle(): void {
    for (let running = this.#running.length; running > 0; running--) this.end(0, "neutral", 0);
    this.clock.advance(DEFAULT_BREAKER.maxOpenMs);
    for (const shape of SHAPES) {
      this.start(shape);
      this.end(0, "success", 0);
    }
  }
}

const runs = fc.record({ chance: fc.nat(99).map((percent) => percent / 100), story: happenings });

it("lets one probe run at a time for each shape, and nobody before it is half-open", () => {
  fc.assert(
    fc.property(runs, ({ chance, story }) => {
      const caller = new Caller(chance);
      for (const happening of story) {
        caller.happens(happening);
        const now = caller.clock.now();
        for (const shape of SHAPES) {
          const sinceMs = now - (caller.openedAt.get(shape) ?? Number.NEGATIVE_INFINITY);
          expect(caller.probes(shape)).toBeLessThanOrEqual(1);
          if (sinceMs < DEFAULT_BREAKER.baseOpenMs) expect(caller.isOpen(shape)).toBe(true);
          if (sinceMs >= DEFAULT_BREAKER.maxOpenMs) expect(caller.isOpen(shape)).toBe(caller.probes(shape) > 0);
        }
      }
    }),
    { numRuns: 300 },
  );
});

it("changes nothing for one shape by what happens to another, unless one connection carried both", () => {
  fc.assert(
    fc.property(runs, ({ chance, story }) => {
      const caller = new Caller(chance);
      for (const happening of story) {
        const lost =
          happening.type === "end" && typeof happening.verdict === "object" && happening.verdict.connectionLost;
        if (happening.type === "wait" || lost) {
          caller.happens(happening);
          continue;
        }
        const before = new Map(SHAPES.map((shape) => [shape, caller.isOpen(shape)]));
        const about = caller.happens(happening);
        for (const shape of SHAPES) if (shape !== about) expect(caller.isOpen(shape)).toBe(before.get(shape));
      }
    }),
    { numRuns: 300 },
  );
});

it("forgets all doublings in healthy minutes, and comes back whatever has happened", () => {
  fc.assert(
    fc.property(runs, ({ chance, story }) => {
      const caller = new Caller(chance);
      for (const happening of story) caller.happens(happening);
      caller.settle();
      for (const shape of SHAPES) expect(caller.isOpen(shape)).toBe(false);
      caller.clock.advance(10 * DEFAULT_BREAKER.healthyMs);
      for (let n = 0; n < 5 && !caller.isOpen("base"); n++) {
        caller.start("base");
        caller.end(0, { confirmed: true, connectionLost: false }, 0);
      }
      const openMs = DEFAULT_BREAKER.baseOpenMs * (1 + DEFAULT_BREAKER.jitter * chance);
      caller.clock.advance(openMs - 1);
      expect(caller.isOpen("base")).toBe(true);
      caller.clock.advance(2);
      expect(caller.isOpen("base")).toBe(false);
    }),
    { numRuns: 200 },
  );
});

it("never strikes who only succeeds, tells nothing, or is late once a minute", () => {
  const innocent = fc.constantFrom<Verdict>("success", "neutral", "late");
  fc.assert(
    fc.property(fc.array(fc.tuple(shapes, innocent, fc.nat(60_000))), (story) => {
      const caller = new Caller(0);
      for (const [shape, verdict, agoMs] of story) {
        if (verdict === "late") caller.clock.advance(2 * DEFAULT_BREAKER.windowMs + 1);
        caller.breaker.judge(P, fakeTraits({ shape }), verdict, caller.clock.now() - agoMs);
        expect(caller.isOpen(shape)).toBe(false);
      }
    }),
  );
});
