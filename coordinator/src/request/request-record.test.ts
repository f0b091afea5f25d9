import { expect, it } from "vitest";
import { PROTOCOL_VIOLATION } from "../dispatch/failures.js";
import { toError } from "../dispatch/race.js";
import { fakeRecord, fakeSent } from "../testing/request-fakes.js";

it("gives the place that admission took once", () => {
  const { record, place } = fakeRecord();
  expect(record.takePlace()?.lease).toBe(place);
  expect(record.takePlace()).toBeUndefined();
});

it("remembers every attempt in its order, and whether one of them was a backup", () => {
  const { record } = fakeRecord();
  const [first, retry, backup] = [fakeSent(), fakeSent({ role: "retry" }), fakeSent({ role: "backup" })];
  record.add(first);
  record.add(retry);
  expect(record.hedged).toBe(false);
  record.add(backup);
  expect(record.hedged).toBe(true);
  expect(record.attempts).toEqual([first, retry, backup]);
});

it("lays what cannot be digested at the winner's door, and tells the consumer that the provider is at fault", () => {
  const told: unknown[] = [];
  const { record } = fakeRecord();
  const thrown = new RangeError("too deep");
  expect(record.undigested(thrown)).toEqual(toError(PROTOCOL_VIOLATION));
  const winner = fakeSent({ attempt: { undigested: (what: unknown) => told.push(what) } });
  record.committed(winner);
  expect(record.winner).toBe(winner);
  record.undigested(thrown);
  expect(told).toEqual([thrown]);
});

it("has a trailer when its provider signs", async () => {
  const { record } = fakeRecord();
  expect(record.trailer).toBeUndefined();
  record.signedBy(Promise.resolve(undefined));
  expect(record.trailer?.requestId).toBe("req");
});
