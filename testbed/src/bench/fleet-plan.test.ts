import { expect, it } from "vitest";
import { accountOf, addressOf, requireDescriptors } from "./fleet-plan.js";

it("each machine has an address of its own", () => {
  expect(new Set(Array.from({ length: 70_000 }, (_, index) => addressOf(index))).size).toBe(70_000);
  expect(addressOf(65_536 + 2 * 256 + 3)).toBe("10.1.2.3");
});

it("no owner has more machines than an account may have connected", () => {
  const machines = new Map<string, number>();
  for (let index = 0; index < 5_001; index += 1) {
    machines.set(accountOf(index), (machines.get(accountOf(index)) ?? 0) + 1);
  }
  expect(Math.max(...machines.values())).toBeLessThan(1_024);
});

it("too few open files are told of with what to do about it", () => {
  expect(() => requireDescriptors(10_000, 20_000)).not.toThrow();
  expect(() => requireDescriptors(10_000, 10_128)).not.toThrow();
  expect(() => requireDescriptors(10_000, 1_024)).toThrow(/ulimit -n 10128.*--providers 896/);
});
