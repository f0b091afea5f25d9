import { expect, it } from "vitest";
import { fakeModel, fakeProvider } from "../testing/fake-provider.js";
import { estimateRates } from "./hardware-estimate.js";

const HARDWARE = fakeProvider("x").hardware;
const models = new Map([["m", fakeModel({ weights_bytes: 8e9 })]]);
const on = (chip: string) => fakeProvider(chip, { models, hardware: { ...HARDWARE, chip } });
const decodeTps = (chip: string): number => estimateRates(on(chip), "m")?.decodeTps ?? Number.NaN;

it("goes by the chip's memory bandwidth and the size of the weights", () => {
  expect(decodeTps("Apple M1")).toBeCloseTo((0.6 * 68e9) / 8e9);
  expect(decodeTps("Apple M4 Pro")).toBeCloseTo((0.6 * 273e9) / 8e9);
  expect(decodeTps("Apple M2 Ultra")).toBeCloseTo((0.6 * 800e9) / 8e9);
  expect(decodeTps("AMD EPYC")).toBeCloseTo((0.6 * 50e9) / 8e9);
  // A chip newer than the table is no worse off than an unknown one.
  expect(decodeTps("Apple M9")).toBe(decodeTps("AMD EPYC"));
});

it("says how fast prompts are read only of chips that it knows", () => {
  expect(estimateRates(on("Apple M1"), "m")?.prefillTps).toBeCloseTo((10 * 0.6 * 68e9) / 8e9);
  expect(estimateRates(on("AMD EPYC"), "m")?.prefillTps).toBeUndefined();
  expect(estimateRates(on("Apple M9"), "m")?.prefillTps).toBeUndefined();
});

it("says the same of a chip each time", () => {
  for (const chip of ["Apple M4", "AMD EPYC"]) expect(decodeTps(chip)).toBe(decodeTps(chip));
  expect(decodeTps("Apple M4")).toBeCloseTo((0.6 * 120e9) / 8e9);
});

it("knows nothing of a model whose size nobody told", () => {
  expect(estimateRates(fakeProvider("x"), "m")).toBeUndefined();
});
