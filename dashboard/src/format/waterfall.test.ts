import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { AttemptDetail } from "../api/types.js";
import { placeOf, ticksOf, waterfallOf } from "./waterfall.js";

const attempt = (facts: Partial<AttemptDetail>): AttemptDetail => ({
  ...{ id: "a", provider: "p", model: "m", role: "primary", started_ms: 0, first_content_ms: null, ended_ms: null },
  ...{ result: "running", code: null },
  ...facts,
});

describe("the waterfall of a request", () => {
  it("shows the queue, an attempt that was cancelled, and the one that answered", () => {
    const { rows, totalMs } = waterfallOf({
      ...{ total_ms: 5_000, queued_ms: 1_000, timings: {} },
      attempts: [
        attempt({ id: "one", started_ms: 1_020, ended_ms: 3_000, result: "cancelled" }),
        attempt({ id: "two", started_ms: 2_500, first_content_ms: 2_900, ended_ms: 5_000, result: "success" }),
      ],
    });
    expect(totalMs).toBe(5_000);
    expect(
      rows.map(({ id, spans }) => [id, ...spans.map(({ kind, fromMs, toMs }) => `${kind} ${fromMs}-${toMs}`)]),
    ).toEqual([
      ["admit", "admit 0-20"],
      ["queue", "queue 20-1020"],
      ["one", "cancelled 1020-3000"],
      ["two", "wait 2500-2900", "content 2900-5000"],
    ]);
  });

  it("shows one that was never tried anywhere, and one that still runs", () => {
    const refused = waterfallOf({ total_ms: 3, queued_ms: 0, timings: {}, attempts: [] });
    expect(refused.rows.map(({ id }) => id)).toEqual(["admit"]);
    const running = waterfallOf({ total_ms: 900, queued_ms: 0, timings: {}, attempts: [attempt({ started_ms: 100 })] });
    expect(running.rows[1]?.spans).toEqual([{ kind: "wait", fromMs: 100, toMs: 900 }]);
  });

  it("tells content that broke off from content that came to its end", () => {
    const broken = attempt({ first_content_ms: 50, ended_ms: 80, result: "failed" });
    const { rows } = waterfallOf({ total_ms: 80, queued_ms: 0, timings: {}, attempts: [broken] });
    expect(rows[1]?.spans.map(({ kind }) => kind)).toEqual(["wait", "failed"]);
  });

  it("has every bar within its row", () => {
    const ms = fc.nat({ max: 1e6 });
    const tried = fc.record({ started_ms: ms, first_content_ms: fc.option(ms), ended_ms: fc.option(ms) });
    fc.assert(
      fc.property(ms, ms, fc.array(tried, { maxLength: 6 }), (total_ms, queued_ms, attempts) => {
        const { rows, totalMs } = waterfallOf({ total_ms, queued_ms, timings: {}, attempts: attempts.map(attempt) });
        for (const span of rows.flatMap(({ spans }) => spans)) {
          const { left, width } = placeOf(span, totalMs);
          expect(left).toBeGreaterThanOrEqual(0);
          expect(width).toBeGreaterThan(0);
          expect(left + width).toBeLessThanOrEqual(100.001);
        }
      }),
    );
  });

  it("has a scale of round numbers", () => {
    expect(ticksOf(5_000)).toEqual([0, 1_000, 2_000, 3_000, 4_000, 5_000]);
    expect(ticksOf(47)).toEqual([0, 10, 20, 30, 40]);
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 1e9 }), (total) => {
        expect(ticksOf(total).length).toBeLessThan(12);
      }),
    );
  });
});
