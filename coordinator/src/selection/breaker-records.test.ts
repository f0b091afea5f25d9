import { FakeClock } from "@hearth/platform/testing";
import type { ProviderId } from "@hearth/protocol";
import fc from "fast-check";
import { expect, it } from "vitest";
import { fakeProvider, fakeTraits } from "../testing/fake-provider.js";
import { BreakerRecords } from "./breaker-records.js";
import { DEFAULT_BREAKER } from "./breaker-settings.js";
import { SHAPES } from "./traits.js";

const MAX = 12;
const ids = ["p", "q", "r", "s"] as unknown as readonly ProviderId[];

/** Every record that can be found by its machine. */
function found(records: BreakerRecords): number {
  let count = 0;
  for (const id of ids) {
    const machine = records.machine(id);
    count += machine?.capacity.size ?? 0;
    for (const byShape of machine?.faults.values() ?? []) count += byShape.size;
    for (const record of machine?.unwell ?? []) expect(record.isClosed).toBe(false);
    expect(records.isSuspect(id)).toBe((machine?.unwell.size ?? 0) + (machine?.capacity.size ?? 0) > 0);
  }
  return count;
}

it("keeps so many records at most, and nothing of those that went", () => {
  const story = fc.array(
    fc.record({
      id: fc.constantFrom(...ids),
      model: fc.constantFrom("m", "n", "o"),
      shape: fc.constantFrom(...SHAPES),
      kind: fc.constantFrom("fault", "success", "refusal"),
    }),
    { maxLength: 200 },
  );
  fc.assert(
    fc.property(story, (events) => {
      const clock = new FakeClock();
      const settings = () => ({ ...DEFAULT_BREAKER, maxRecords: MAX, refusalsToCool: 2 });
      const records = new BreakerRecords({ clock, rng: { next: () => 0 }, settings });
      for (const { id, model, shape, kind } of events) {
        clock.advance(1_000);
        const traits = fakeTraits({ model, shape });
        if (kind === "refusal") {
          const record = records.capacity(id, traits);
          record.refused(clock.now(), traits);
          records.touched(record);
        } else {
          const record = records.faults(id, traits);
          if (kind === "success") record.succeeded(clock.now(), traits);
          else record.failed({ at: clock.now(), kind: "confirmed" }, { provider: fakeProvider(id), traits });
          records.touched(record);
          expect(records.machine(id)?.faultOf(traits)).toBe(record);
          expect(records.machine(id)?.unwell.has(record)).toBe(!record.isClosed);
        }
        expect(records.size).toBeLessThanOrEqual(MAX);
        expect(found(records)).toBe(records.size);
      }
    }),
  );
});
