import { FakeClock } from "@hearth/platform/testing";
import fc from "fast-check";
import { expect, it } from "vitest";
import { LeasedSlots } from "./leased-slots.js";

it("keep nothing of a model on which nothing runs any more", () => {
  let freed = 0;
  const slots = new LeasedSlots(new FakeClock(), () => {
    freed += 1;
  });
  for (let i = 0; i < 100; i++) {
    const [one, two] = [slots.acquire(`m${i}`, 1), slots.acquire(`m${i}`, 1)];
    one[Symbol.dispose]();
    expect(slots.inFlight(`m${i}`)).toBe(1);
    two[Symbol.dispose]();
    two[Symbol.dispose]();
  }
  expect(slots.models).toBe(0);
  expect(freed).toBe(200);
});

it("count a slot that is taken again while an older one of its model is given back", () => {
  const slots = new LeasedSlots(new FakeClock(), () => {});
  const older = slots.acquire("m", 1);
  older[Symbol.dispose]();
  slots.acquire("m", 1);
  older[Symbol.dispose]();
  expect(slots.inFlight("m")).toBe(1);
});

it("count the tokens of what no heartbeat can have counted, whatever comes in which order", () => {
  const step = fc.oneof(
    fc.record({ type: fc.constant("acquire" as const), model: fc.constantFrom("m", "n"), tokens: fc.nat(2_000) }),
    fc.record({ type: fc.constant("free" as const), which: fc.nat(20) }),
    fc.record({ type: fc.constant("report" as const) }),
    fc.record({ type: fc.constant("wait" as const) }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const clock = new FakeClock();
      const slots = new LeasedSlots(clock, () => {});
      let taken: {
        readonly model: string;
        readonly tokens: number;
        readonly at: number;
        readonly slot: Disposable;
      }[] = [];
      let reportedAt = clock.now();
      for (const each of steps) {
        if (each.type === "acquire") {
          taken.push({ ...each, at: clock.now(), slot: slots.acquire(each.model, each.tokens) });
        } else if (each.type === "free") {
          const gone = taken[each.which % Math.max(1, taken.length)];
          gone?.slot[Symbol.dispose]();
          taken = taken.filter((one) => one !== gone);
        } else if (each.type === "report") {
          slots.report([]);
          reportedAt = clock.now();
        } else clock.advance(1);
        for (const model of ["m", "n"]) {
          const unreported = taken
            .filter((one) => one.model === model && one.at >= reportedAt)
            .map((one) => one.tokens);
          const sum = (tokens: readonly number[]): number => tokens.reduce((all, one) => all + one, 0);
          expect(slots.unreportedTokens(model)).toBe(sum(unreported));
          expect(slots.tokensAhead(model)).toBe(sum(unreported.map((tokens) => Math.min(tokens, 512))));
          expect(slots.inFlight(model)).toBe(taken.filter((one) => one.model === model).length);
        }
      }
    }),
  );
});
