import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { CANCEL_REASONS, coordinatorFrameSchema } from "./coordinator-frames.js";
import { BACKEND_DIALECTS, SLOT_STATES } from "./frame-members.js";
import { frequentCoordinatorFrame, frequentProviderFrame } from "./frequent-frames.js";
import { MAX_U32 } from "./ids.js";
import { LIMITS } from "./limits.js";
import { providerFrameSchema, THERMAL_STATES, WORKING_SIGNS } from "./provider-frames.js";

// The schemas are the oracle of what is checked by hand.

const text = (length: number): string => "aZ0-_".repeat(Math.ceil(length / 5)).slice(0, length);

/** What may come in the place of any member: the edges of numbers and lengths, and everything of another kind. */
const odd = fc.oneof(
  fc.constantFrom(0, -0, 1, -1, 0.5, 1_023, 1_024, MAX_U32, MAX_U32 + 1, 2 ** 53 - 1, 2 ** 53, 1e300),
  fc.constantFrom(LIMITS.forwardedBodyBytes, LIMITS.forwardedBodyBytes + 1),
  fc.constantFrom(...[0, 1, 2, 3, 42, 43, 44, 85, 86, 87, 128, 129].map(text)),
  fc.constantFrom(`${text(44)}=`, "a b", "+/".repeat(43), "\u{1f600}".repeat(64), "request", "server", "whole"),
  fc.constantFrom<unknown>(null, true, false, [], {}, [text(43)], Array(11).fill(text(43)), [text(43), 1]),
  fc.constantFrom(1.5, 4_096, 4_097, 1e7, 1e7 + 1),
  fc.jsonValue(),
);
const absent = Symbol("absent");

/** Objects whose members are mostly as they should be, each now and then odd or absent. */
function mostly(members: Readonly<Record<string, fc.Arbitrary<unknown>>>): fc.Arbitrary<Record<string, unknown>> {
  const loose = Object.entries(members).map(([name, proper]) => {
    const value = fc.oneof(
      { weight: 12, arbitrary: proper },
      { weight: 1, arbitrary: odd },
      { weight: 1, arbitrary: fc.constant<unknown>(absent) },
    );
    return [name, value] as const;
  });
  return fc.record(Object.fromEntries(loose)).map((object) => {
    const present = Object.entries(object).filter(([, value]) => value !== absent);
    return Object.fromEntries(present);
  });
}

const stream = fc.integer({ min: 1, max: MAX_U32 });
const count = fc.nat({ max: Number.MAX_SAFE_INTEGER });
const id = fc.string({ minLength: 1, maxLength: 128, unit: "grapheme-ascii" });
const bytes = (length: number): fc.Arbitrary<string> => fc.constant(text(Math.ceil((length * 4) / 3)));
const is = (value: unknown): fc.Arbitrary<unknown> => fc.constant(value);

const rate = fc.double({ min: 0, max: 1e7, noNaN: true });
const fraction = fc.double({ min: 0, max: 1, noNaN: true });
const slot = mostly({
  ...{ model: id, state: fc.constantFrom(...SLOT_STATES), running: count, queued: count },
  ...{ max_concurrency: fc.integer({ min: 1, max: 4096 }), budget_max: count, budget_used: count },
  ...{ decode_tps: rate, prefill_tps: rate },
});

const FROM_PROVIDERS = {
  heartbeat: mostly({
    type: is("heartbeat"),
    slots: fc.array(slot, { maxLength: 2 }),
    memory_free_bytes: count,
    ...{ memory_pressure: fraction, cpu_load: fraction, gpu_load: fraction },
    thermal: fc.constantFrom(...THERMAL_STATES),
    ...{ paused: fc.boolean(), private_only: fc.boolean() },
  }),
  working: mostly({
    type: is("working"),
    stream,
    sign: fc.constantFrom(...WORKING_SIGNS),
    counter: count,
    scope: fc.constantFrom("request", "server"),
  }),
  complete: mostly({
    type: is("complete"),
    stream,
    usage: mostly({ prompt_tokens: count, completion_tokens: count, cached_tokens: count, estimated: is(true) }),
  }),
  receipt: mostly({
    type: is("receipt"),
    stream,
    blob: fc.integer({ min: 2, max: 300 }).chain(bytes),
    batch: mostly({
      blob: fc.integer({ min: 2, max: 300 }).chain(bytes),
      signature: bytes(64),
      index: fc.nat(LIMITS.receiptsPerBatch - 1),
      proof: fc.array(bytes(32), { maxLength: LIMITS.receiptProofHashes }),
    }),
  }),
};
const FROM_COORDINATORS = {
  request: mostly({
    type: is("request"),
    stream,
    request_id: id,
    attempt_id: id,
    model: id,
    dialect: fc.constantFrom(...BACKEND_DIALECTS),
    delivery: fc.constantFrom("interactive", "whole"),
    context_id: id,
    body_bytes: fc.nat(LIMITS.forwardedBodyBytes),
    traceparent: fc.constantFrom(`00-${"ab".repeat(16)}-${"cd".repeat(8)}-01`, `00-${"ab".repeat(16)}-01`, absent),
  }),
  credit: mostly({ type: is("credit"), stream, bytes: stream }),
  cancel: mostly({ type: is("cancel"), stream, reason: fc.constantFrom(...CANCEL_REASONS) }),
};

const SIDES = [
  ...Object.entries(FROM_PROVIDERS).map(([type, frames]) => {
    return { type, frames, byHand: frequentProviderFrame, schema: providerFrameSchema };
  }),
  ...Object.entries(FROM_COORDINATORS).map(([type, frames]) => {
    return { type, frames, byHand: frequentCoordinatorFrame, schema: coordinatorFrameSchema };
  }),
];

describe.each(SIDES)("a frame of type $type", ({ frames, byHand, schema }) => {
  it("is taken by hand exactly where its schema takes it, to the same members", () => {
    const verdicts = { taken: 0, refused: 0 };
    const property = fc.property(frames, (frame) => {
      const value = JSON.parse(JSON.stringify(frame)) as Record<string, unknown>;
      const parsed = schema.safeParse(value);
      expect(byHand(value)).toEqual(parsed.success ? parsed.data : undefined);
      verdicts[parsed.success ? "taken" : "refused"] += 1;
    });
    fc.assert(property, { numRuns: 2_000 });
    // Else the property would have compared nothing.
    expect(verdicts.taken).toBeGreaterThan(200);
    expect(verdicts.refused).toBeGreaterThan(200);
  });
});

it("of a heartbeat has no more slots than a machine may have models", () => {
  const slot = { model: "m", state: "idle", running: 0, queued: 0 };
  const beat = (slots: number): unknown => frequentProviderFrame({ type: "heartbeat", slots: Array(slots).fill(slot) });
  expect(beat(LIMITS.modelsPerProvider)).toBeDefined();
  expect(beat(LIMITS.modelsPerProvider + 1)).toBeUndefined();
});

it("of any other type is left to the schemas", () => {
  expect(frequentProviderFrame({ type: "drain" })).toBeUndefined();
  expect(frequentCoordinatorFrame({ type: "complete", stream: 1 })).toBeUndefined();
  expect(frequentProviderFrame({})).toBeUndefined();
});
