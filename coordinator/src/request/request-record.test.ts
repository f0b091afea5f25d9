import { expect, it } from "vitest";
import { PROTOCOL_VIOLATION, toError } from "../dispatch/failures.js";
import { fakePicked, fakeRecord, fakeSent, watchedLease } from "../testing/request-fakes.js";

it("gives the slot that admission took once", () => {
  const { record, slot } = fakeRecord();
  expect(record.first.takeSlot()?.lease).toBe(slot);
  expect(record.first.takeSlot()).toBeUndefined();
});

it("remembers every attempt in its order, and whether one of them was a backup", () => {
  const { record } = fakeRecord();
  const [first, retry, backup] = [fakeSent(), fakeSent({ role: "retry" }), fakeSent({ role: "backup" })];
  record.first.add(first);
  record.first.add(retry);
  expect(record.first.hedged).toBe(false);
  record.first.add(backup);
  expect(record.first.hedged).toBe(true);
  expect(record.attempts).toEqual([first, retry, backup]);
});

it("lays what cannot be digested at the winner's door, and tells the consumer that the provider is at fault", () => {
  const told: unknown[] = [];
  const { record } = fakeRecord();
  const thrown = new RangeError("too deep");
  expect(record.undigested(thrown)).toEqual(toError(PROTOCOL_VIOLATION));
  const winner = fakeSent({ attempt: { undigested: (what: unknown) => told.push(what) } });
  record.first.committed(winner, 5);
  expect(record.first.winner).toBe(winner);
  record.undigested(thrown);
  expect(told).toEqual([thrown]);
});

it("has a trailer for each answer that its provider signs", async () => {
  const { record } = fakeRecord();
  expect(record.trailers).toEqual([]);
  const receipt = Promise.resolve(undefined);
  record.signedBy(record.first.request.id, receipt);
  expect(record.trailers).toEqual([{ requestId: "req", receipt }]);
});

it("asks for each of several answers under an id of its own, and keeps the attempts at all of them", () => {
  const asked: unknown[] = [];
  const form = (...args: unknown[]) => void asked.push(args);
  const { record } = fakeRecord({ request: { form: form as never } });
  const other = record.choose(fakePicked(watchedLease()));
  expect([record.first.request.id, other.request.id]).toEqual(["req", "req-2"]);
  other.request.form({ dialects: ["chat_completions"] }, "build");
  expect(asked).toEqual([[{ dialects: ["chat_completions"] }, "build", 1]]);
  const [mine, backup, others] = [fakeSent(), fakeSent({ role: "backup" }), fakeSent()];
  record.first.add(mine);
  other.add(others);
  record.first.add(backup);
  expect(record.attempts).toEqual([mine, others, backup]);
  expect([record.first.hedged, other.hedged]).toEqual([true, false]);
});

it("lays what cannot be digested at the door of whoever gave that answer", () => {
  const told: string[] = [];
  const { record } = fakeRecord();
  for (const choice of [record.first, record.choose(fakePicked(watchedLease()))]) {
    const undigested = (what: unknown) => told.push(`${choice.request.id} ${what}`);
    choice.committed(fakeSent({ attempt: { undigested } }), 5);
  }
  record.undigested("odd", 1);
  expect(told).toEqual(["req-2 odd"]);
});
