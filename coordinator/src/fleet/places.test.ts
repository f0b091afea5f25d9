import { FakeClock } from "@hearth/platform/testing";
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
