import { expect, it } from "vitest";
import { DEFAULT_CALIBRATION, TokenCalibration } from "./token-calibration.js";

/** Reports of one provider: a ratio each. */
function report(calibration: TokenCalibration, provider: string, ratios: readonly number[], model = "m"): void {
  for (const ratio of ratios) calibration.learn({ model, provider, raw: 1_000, reported: 1_000 * ratio });
}

const times = (count: number, ratio: number): number[] => Array.from({ length: count }, () => ratio);

it("believes the estimate, and half of it as the least, before there are twenty reports", () => {
  const calibration = new TokenCalibration();
  report(calibration, "a", times(19, 1.3));
  expect(calibration.estimate("m", 1_000)).toEqual({ expected: 1_000, least: 500 });
  report(calibration, "a", [1.3]);
  expect(calibration.estimate("m", 1_000)).toEqual({ expected: 1_300, least: 1_300 });
  expect(calibration.estimate("other", 1_000)).toEqual({ expected: 1_000, least: 500 });
});

it("expects the median, and takes one in a hundred for the least", () => {
  const calibration = new TokenCalibration(() => ({ ...DEFAULT_CALIBRATION, samplesPerProvider: 200, every: 1 }));
  report(calibration, "a", [...times(1, 0.2), ...times(2, 0.8), ...times(97, 1.2)]);
  expect(calibration.estimate("m", 1_000)).toEqual({ expected: 1_200, least: 800 });
});

it("is moved by no provider alone, however much it reports", () => {
  for (const lie of [0.11, 9.9]) {
    const calibration = new TokenCalibration();
    report(calibration, "liar", times(5_000, lie));
    for (const honest of ["a", "b"]) report(calibration, honest, times(16, 1.1));
    expect(calibration.estimate("m", 1_000).expected).toBe(1_100);
    expect(calibration.estimate("m", 1_000).least).toBeLessThanOrEqual(1_100);
  }
});

it("does not half believe one liar among two", () => {
  const calibration = new TokenCalibration();
  report(calibration, "liar", times(36, 8));
  report(calibration, "a", times(32, 1.1));
  expect(calibration.estimate("m", 1_000)).toEqual({ expected: 1_100, least: 1_100 });
});

it("passes over what cannot be a count of the prompt", () => {
  const calibration = new TokenCalibration(() => ({ ...DEFAULT_CALIBRATION, evidence: 1, every: 1 }));
  report(calibration, "a", [0, 0.09, 10.1, Number.NaN, Number.POSITIVE_INFINITY, -1]);
  calibration.learn({ model: "m", provider: "a", raw: 0, reported: 5 });
  calibration.learn({ model: "m", provider: "a", raw: 0, reported: 0 });
  expect(calibration.estimate("m", 1_000)).toEqual({ expected: 1_000, least: 500 });
});

it("follows a model whose template or tokenizer has changed", () => {
  const calibration = new TokenCalibration();
  report(calibration, "a", times(100, 0.7));
  report(calibration, "a", times(48, 1.4));
  expect(calibration.estimate("m", 1_000)).toEqual({ expected: 1_400, least: 1_400 });
});

it("remembers so many models and providers, and forgets who has been silent longest", () => {
  const settings = { ...DEFAULT_CALIBRATION, models: 2, providers: 2, evidence: 1, every: 1 };
  const calibration = new TokenCalibration(() => settings);
  for (const model of ["first", "second", "third"]) report(calibration, "a", [2], model);
  expect(calibration.estimate("first", 100).expected).toBe(100);
  expect(calibration.estimate("third", 100).expected).toBe(200);
  for (const [provider, ratio] of [
    ["a", 1.2],
    ["b", 4],
    ["c", 5],
  ] as const)
    report(calibration, provider, [ratio]);
  expect(calibration.estimate("m", 100).expected).toBe(400);
});

it("goes by its settings as they are now", () => {
  let settings = { ...DEFAULT_CALIBRATION, evidence: 2, every: 1 };
  const calibration = new TokenCalibration(() => settings);
  report(calibration, "a", [2]);
  settings = { ...settings, evidence: 1, leastBefore: 0.25 };
  expect(calibration.estimate("m", 100)).toEqual({ expected: 100, least: 25 });
  report(calibration, "a", [2]);
  expect(calibration.estimate("m", 100).expected).toBe(200);
});
