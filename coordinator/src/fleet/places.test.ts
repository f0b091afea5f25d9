import { FakeClock } from "@hearth/platform/testing";
import fc from "fast-check";
import { expect, it } from "vitest";
import { Places } from "./places.js";

it("keep nothing of a model on which nothing runs any more", () => {
  let freed = 0;
  const places = new Places(new FakeClock(), () => {
    freed += 1;
  });
  for (let i = 0; i < 100; i++) {
    const [one, two] = [places.acquire(`m${i}`, 1), places.acquire(`m${i}`, 1)];
    one[Symbol.dispose]();
    expect(places.inFlight(`m${i}`)).toBe(1);
    two[Symbol.dispose]();
    two[Symbol.dispose]();
  }
  expect(places.models).toBe(0);
  expect(freed).toBe(200);
});

it("count a place that is taken again while an older one of its model is given back", () => {
  const places = new Places(new FakeClock(), () => {});
  const older = places.acquire("m", 1);
  older[Symbol.dispose]();
  places.acquire("m", 1);
  older[Symbol.dispose]();
  expect(places.inFlight("m")).toBe(1);
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
      const places = new Places(clock, () => {});
      let taken: {
        readonly model: string;
        readonly tokens: number;
        readonly at: number;
        readonly place: Disposable;
      }[] = [];
      let reportedAt = clock.now();
      for (const each of steps) {
        if (each.type === "acquire") {
          taken.push({ ...each, at: clock.now(), place: places.acquire(each.model, each.tokens) });
        } else if (each.type === "free") {
          const gone = taken[each.which % Math.max(1, taken.length)];
          gone?.place[Symbol.dispose]();
          taken = taken.filter((one) => one !== gone);
        } else if (each.type === "report") {
          places.report([]);
          reportedAt = clock.now();
        } else clock.advance(1);
        for (const model of ["m", "n"]) {
          const unreported = taken
            .filter((one) => one.model === model && one.at >= reportedAt)
            .map((one) => one.tokens);
          const sum = (tokens: readonly number[]): number => tokens.reduce((all, one) => all + one, 0);
          expect(places.unreportedTokens(model)).toBe(sum(unreported));
          expect(places.tokensAhead(model)).toBe(sum(unreported.map((tokens) => Math.min(tokens, 512))));
          expect(places.inFlight(model)).toBe(taken.filter((one) => one.model === model).length);
        }
      }
    }),
  );
});
