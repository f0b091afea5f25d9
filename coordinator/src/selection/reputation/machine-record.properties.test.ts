import { REPUTATION_REASONS } from "@hearth/protocol";
import fc from "fast-check";
import { expect, it } from "vitest";
import { MachineRecord } from "./machine-record.js";
import { DEFAULT_REPUTATION as SETTINGS } from "./settings.js";

const reason = fc.constantFrom(...REPUTATION_REASONS);
type Step =
  | { readonly type: "wait"; readonly ms: number }
  | { readonly type: "good" | (typeof REPUTATION_REASONS)[number] };
const step: fc.Arbitrary<Step> = fc.oneof(
  fc.record({ type: fc.constant("wait" as const), ms: fc.oneof(fc.nat(10_000), fc.nat(10_000_000)) }),
  fc.record({ type: fc.constant("good" as const) }),
  fc.record({ type: reason }),
);

/** @returns the time at the end */
function tell(record: MachineRecord, steps: readonly Step[]): number {
  let now = 0;
  for (const each of steps) {
    if (each.type === "wait") now += each.ms;
    else if (each.type === "good") record.heal(now, SETTINGS);
    else record.add(each.type, now, SETTINGS);
  }
  return now;
}

const story = fc.array(step, { maxLength: 60 });

it("is bounded whatever happens, and what its owner is told goes by it", () => {
  fc.assert(
    fc.property(story, (steps) => {
      const record = new MachineRecord();
      const now = tell(record, steps);
      const ms = record.ms(now, SETTINGS);
      expect(ms).toBeGreaterThanOrEqual(0);
      expect(ms).toBeLessThanOrEqual(SETTINGS.mostMs);
      const { score, reasons } = record.told(now, SETTINGS);
      expect(score).toBe(Math.round(100 * (1 - ms / SETTINGS.mostMs)));
      for (const mark of Object.values(reasons)) {
        expect(mark?.ms).toBeGreaterThan(0);
        expect(mark?.count).toBeGreaterThan(0);
      }
      expect(ms > 0).toBe(Object.keys(reasons).length > 0);
    }),
  );
});

it("no fault ever makes it better, and no good answer worse", () => {
  fc.assert(
    fc.property(story, reason, (steps, fault) => {
      const record = new MachineRecord();
      const now = tell(record, steps);
      const before = record.ms(now, SETTINGS);
      record.add(fault, now, SETTINGS);
      const after = record.ms(now, SETTINGS);
      expect(after).toBeGreaterThanOrEqual(before);
      record.heal(now, SETTINGS);
      expect(record.ms(now, SETTINGS)).toBeLessThanOrEqual(after);
    }),
  );
});

it("time alone only makes it better, and ends it", () => {
  fc.assert(
    fc.property(story, fc.nat(10_000_000), (steps, more) => {
      const record = new MachineRecord();
      const now = tell(record, steps);
      expect(record.ms(now + more, SETTINGS)).toBeLessThanOrEqual(record.ms(now, SETTINGS));
      const longest = Math.max(...Object.values(SETTINGS.halfLifeMs));
      expect(record.ms(now + 14 * longest, SETTINGS)).toBe(0);
    }),
  );
});

it("what was taken back was never there", () => {
  fc.assert(
    fc.property(story, reason, (steps, fault) => {
      const [one, other] = [new MachineRecord(), new MachineRecord()];
      const now = tell(one, steps);
      tell(other, steps);
      const added = one.add(fault, now, SETTINGS);
      one.takeBack(fault, added, now, SETTINGS);
      expect(one.ms(now, SETTINGS)).toBeCloseTo(other.ms(now, SETTINGS), 6);
      expect(one.told(now, SETTINGS).reasons[fault]?.count).toBe(other.told(now, SETTINGS).reasons[fault]?.count);
    }),
  );
});

/** What a machine comes to on average that has so many good answers before each fault, one every so often. */
function averageOf(fault: (typeof REPUTATION_REASONS)[number], goodBefore: number, everyMs: number): number {
  const record = new MachineRecord();
  let [now, sum, seen] = [0, 0, 0];
  for (let round = 0; round * (goodBefore + 1) < 4_000; round++) {
    for (let answer = 0; answer <= goodBefore; answer++) {
      now += everyMs;
      if (answer < goodBefore) record.heal(now, SETTINGS);
      else record.add(fault, now, SETTINGS);
      if (round === 0) continue;
      sum += record.ms(now, SETTINGS);
      seen += 1;
    }
  }
  return sum / Math.max(1, seen);
}

it("goes by the share of the faults: a machine a hundred times as busy with the same share comes to the same", () => {
  fc.assert(
    fc.property(reason, fc.integer({ min: 10, max: 40 }), (fault, goodBefore) => {
      const [seldom, often] = [averageOf(fault, goodBefore, 1_000), averageOf(fault, goodBefore, 10)];
      expect(seldom).toBeLessThanOrEqual(often * 1.001);
      expect(seldom).toBeGreaterThan(0.93 * often);
    }),
    { numRuns: 30 },
  );
});

it("five faults in five thousand answers are next to nothing, and five in ten are much", () => {
  const record = new MachineRecord();
  for (let answer = 1; answer <= 5_000; answer++) {
    record.heal(answer, SETTINGS);
    if (answer % 1_000 === 500) record.add("failed_after_content", answer, SETTINGS);
  }
  expect(record.ms(5_000, SETTINGS)).toBe(0);
  const other = new MachineRecord();
  for (let answer = 1; answer <= 10; answer++) {
    if (answer % 2 === 0) other.add("failed_after_content", answer, SETTINGS);
    else other.heal(answer, SETTINGS);
  }
  expect(other.ms(10, SETTINGS)).toBe(SETTINGS.mostMs);
});
