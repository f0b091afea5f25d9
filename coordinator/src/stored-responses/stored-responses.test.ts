import { FakeClock } from "@hearth/platform/testing";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { MemoryRecords, type RecordBounds } from "./memory-records.js";
import { newSecret, RecordKey, secretIn } from "./record-key.js";
import { type StoredResponse, StoredResponses } from "./stored-responses.js";

const KEPT_MS = 1_800_000;
const BOUNDS: RecordBounds = { keptMs: KEPT_MS, bytes: 100_000, accountBytes: 50_000 };

function setUp(bounds: RecordBounds = BOUNDS) {
  const clock = new FakeClock();
  const records = new MemoryRecords(clock, () => bounds);
  return { clock, records, stored: new StoredResponses(records) };
}

const said = (text: string, id: string) => ({ type: "message", id, content: text });

function turn(text: string, previousId?: string): StoredResponse {
  const secret = newSecret();
  const id = `resp_${secret}`;
  const output = [said(`${text}: thought`, `rs_${secret}_0`), said(`${text}: answer`, `msg_${secret}_1`)];
  return {
    response: { id, output },
    input: [{ role: "user", content: text }],
    ...(previousId === undefined ? {} : { previousId }),
  };
}

describe("an answer that is kept", () => {
  it("is found by its id and by those of its items, by whom it was made for", async () => {
    const { stored } = setUp();
    const one = turn("one");
    await stored.of("a").keep(one);
    expect(await stored.of("a").find(one.response.id)).toEqual(one);
    const [thought, answer] = one.response.output;
    expect(await stored.of("a").item(String(answer?.["id"]))).toEqual(answer);
    expect(await stored.of("a").item(String(thought?.["id"]))).toEqual(thought);
    expect(await stored.of("a").item(`msg_${secretIn(one.response.id)}_2`)).toBeUndefined();
    expect(await stored.of("b").find(one.response.id)).toBeUndefined();
    expect(await stored.of("a").find(`resp_${newSecret()}`)).toBeUndefined();
    for (const other of ["", "resp_", "resp_123", "chatcmpl-1", `resp_${"z".repeat(33)}`]) {
      expect(await stored.of("a").find(other)).toBeUndefined();
    }
  });

  it("tells the whole conversation, as long as all of it is kept", async () => {
    const { stored } = setUp();
    const one = turn("one");
    const two = turn("two", one.response.id);
    const three = turn("three", two.response.id);
    for (const each of [one, two, three]) await stored.of("a").keep(each);
    const all = [one, two, three].flatMap(({ input, response }) => [...input, ...response.output]);
    expect(await stored.of("a").conversation(three.response.id)).toEqual(all);
    expect(await stored.of("b").conversation(three.response.id)).toBeUndefined();
    expect(await stored.of("b").forget(one.response.id)).toBe(false);
    expect(await stored.of("a").forget(one.response.id)).toBe(true);
    expect(await stored.of("a").forget(one.response.id)).toBe(false);
    expect(await stored.of("a").conversation(three.response.id)).toBeUndefined();
  });

  it("is kept half an hour after its last use, with the whole conversation", async () => {
    const { stored, clock, records } = setUp();
    const one = turn("one");
    const two = turn("two", one.response.id);
    for (const each of [one, two]) await stored.of("a").keep(each);
    clock.advance(KEPT_MS - 1);
    expect(await stored.of("a").conversation(two.response.id)).toHaveLength(6);
    clock.advance(KEPT_MS - 1);
    expect(await stored.of("a").conversation(two.response.id)).toHaveLength(6);
    clock.advance(KEPT_MS);
    expect(await stored.of("a").conversation(two.response.id)).toBeUndefined();
    expect(records.bytes).toBe(0);
  });

  it("cannot be read by who has all that is kept", async () => {
    const seen: [string, Uint8Array][] = [];
    const stored = new StoredResponses({
      put: (index, sealed) => void seen.push([index, sealed]),
      get: () => undefined,
      delete: () => false,
    });
    const one = turn("a secret of the consumer's");
    await stored.of("a").keep(one);
    const [[index, sealed] = ["", new Uint8Array()]] = seen;
    const memory = Buffer.concat([Buffer.from(index), sealed]).toString("latin1");
    for (const secret of ["secret", "answer", secretIn(one.response.id) ?? ""]) expect(memory).not.toContain(secret);
    expect(new RecordKey(newSecret(), "a").open(sealed)).toBeUndefined();
    expect(new RecordKey(secretIn(one.response.id) ?? "", "b").open(sealed)).toBeUndefined();
    expect(new RecordKey(secretIn(one.response.id) ?? "", "a").open(sealed.subarray(1))).toBeUndefined();
    expect(new RecordKey(secretIn(one.response.id) ?? "", "a").open(new Uint8Array(3))).toBeUndefined();
  });
});

it("stays within its bounds, whatever is kept, and drops an account's own first", () => {
  const put = fc.record({ account: fc.constantFrom("a", "b", "c"), size: fc.nat(30_000), ms: fc.nat(KEPT_MS / 4) });
  fc.assert(
    fc.property(fc.array(put, { maxLength: 60 }), (puts) => {
      const { clock, records } = setUp({ keptMs: KEPT_MS, bytes: 60_000, accountBytes: 25_000 });
      const mine = new Map<string, string[]>();
      for (const [n, { account, size, ms }] of puts.entries()) {
        clock.advance(ms);
        records.put(String(n), new Uint8Array(size), account);
        mine.set(account, [...(mine.get(account) ?? []), String(n)]);
        expect(records.bytes).toBeLessThanOrEqual(60_000);
        if (size < 24_000) expect(records.get(String(n))).toHaveLength(size);
        else expect(records.get(String(n)) === undefined || size + 512 <= 25_000).toBe(true);
      }
      clock.advance(KEPT_MS);
      expect(records.get("0")).toBeUndefined();
      expect(records.bytes).toBe(0);
    }),
  );
  const { records } = setUp({ keptMs: KEPT_MS, bytes: 60_000, accountBytes: 25_000 });
  records.put("theirs", new Uint8Array(20_000), "b");
  for (const index of ["first", "second", "third"]) records.put(index, new Uint8Array(12_000), "a");
  expect(["theirs", "first", "second", "third"].map((index) => records.get(index)?.length)).toEqual([
    20_000,
    undefined,
    undefined,
    12_000,
  ]);
});
