import { openRequest, sealRequest } from "@hearth/e2e";
import { FakeClock } from "@hearth/platform/testing";
import { beforeEach, describe, expect, it } from "vitest";
import { EPOCH_MS, SealingKeys } from "./sealing-keys.js";

const SECRET = "hs-a-secret-of-the-tests-0123456789";
const MINUTE_MS = 60_000;

let clock: FakeClock;
let keys: SealingKeys;

beforeEach(() => {
  clock = new FakeClock();
  clock.advance(100 * EPOCH_MS + 1);
  keys = new SealingKeys(SECRET, clock);
});

/** The private key of an id that can still be used. */
function usable(id: string, of: SealingKeys = keys) {
  const found = of.find(id);
  if (found.type !== "usable") throw new Error(`the key is ${found.type}`);
  return found.key;
}

it("opens what was sealed to the key that it announces", () => {
  const { keyId, publicKey } = keys.current;
  const binding = { requestId: "r", attemptId: "a" };
  const sealer = sealRequest({ publicKey, binding });
  const opener = openRequest({ keyPair: usable(keyId).keyPair, encapsulatedKey: sealer.encapsulatedKey, binding });
  expect(opener.open(sealer.seal(Uint8Array.of(1, 2), true), 0, true)).toEqual(Uint8Array.of(1, 2));
});

it("derives the same keys from the same secret, and others from another one", () => {
  expect(new SealingKeys(SECRET, clock).current).toEqual(keys.current);
  expect(new SealingKeys(`${SECRET}!`, clock).current.keyId).not.toBe(keys.current.keyId);
});

describe("over the days", () => {
  it("announces each day another key, which was told before", () => {
    const { next, current } = keys;
    expect(current).toMatchObject({ from: 100 * EPOCH_MS, until: 101 * EPOCH_MS });
    clock.advance(EPOCH_MS - 2);
    expect(keys.current).toEqual(current);
    clock.advance(1);
    expect(keys.current).toEqual(next);
  });

  it("accepts a key for a day after its own, then erases it and its replay set", () => {
    const { keyId } = keys.current;
    const { keyPair, replays } = usable(keyId);
    clock.advance(2 * EPOCH_MS - 2);
    expect(usable(keyId).replays).toBe(replays);
    clock.advance(1);
    expect(keys.find(keyId)).toEqual({ type: "expired" });
    expect(() => keyPair.privateKey.agree({ bytes: keys.current.publicKey })).toThrow(/erased/);
  });

  it("erases it though nobody asks", () => {
    const { keyPair } = usable(keys.current.keyId);
    clock.advance(2 * EPOCH_MS + 10 * MINUTE_MS);
    expect(() => keyPair.privateKey.agree({ bytes: keyPair.publicKey })).toThrow(/erased/);
  });

  it("accepts the next key a few minutes early, for a coordinator whose clock is ahead", () => {
    const { keyId } = keys.next;
    clock.advance(EPOCH_MS - 5 * MINUTE_MS - 2);
    expect(keys.find(keyId)).toEqual({ type: "unknown" });
    clock.advance(1);
    const early = usable(keyId);
    clock.advance(5 * MINUTE_MS);
    expect(keys.current.keyId).toBe(keyId);
    expect(usable(keyId)).toBe(early);
  });

  it("remembers for a week what had expired before it was started", () => {
    const { keyId } = keys.current;
    clock.advance(8 * EPOCH_MS);
    const later = new SealingKeys(SECRET, clock);
    expect(later.find(keyId)).toEqual({ type: "expired" });
    clock.advance(EPOCH_MS);
    expect(later.find(keyId)).toEqual({ type: "unknown" });
  });

  it("never goes back: what was erased stays erased, whatever the wall clock says", () => {
    const { keyId } = keys.current;
    let ahead = 0;
    const moved = new SealingKeys(SECRET, {
      now: () => clock.now(),
      wallTime: () => clock.wallTime() + ahead,
      setTimer: (ms, fire) => clock.setTimer(ms, fire),
    });
    ahead = 3 * EPOCH_MS;
    const { current } = moved;
    ahead = 0;
    expect(moved.find(keyId)).toEqual({ type: "expired" });
    expect(moved.current).toEqual(current);
  });
});

it("knows nothing of a stranger's key", () => {
  expect(keys.find("A".repeat(16))).toEqual({ type: "unknown" });
});

it("erases all when it is disposed, and gives its timer back", () => {
  const { keyPair } = usable(keys.current.keyId);
  keys[Symbol.dispose]();
  expect(() => keyPair.privateKey.agree({ bytes: keyPair.publicKey })).toThrow(/erased/);
  expect(clock.pending).toBe(0);
});
