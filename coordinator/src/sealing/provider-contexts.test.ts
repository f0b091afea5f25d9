import { createSealingContext, generateKeyPair, MAX_ATTEMPTS_PER_CONTEXT, preparePublicKey } from "@hearth/e2e";
import { FakeClock } from "@hearth/platform/testing";
import { LIMITS } from "@hearth/protocol";
import { beforeEach, expect, it } from "vitest";
import { ProviderContexts, type ProviderKey } from "./provider-contexts.js";

const connection = {};
let clock: FakeClock;
let contexts: ProviderContexts;

beforeEach(() => {
  clock = new FakeClock();
  contexts = new ProviderContexts(clock);
});

function keyOf({ keyId, publicKey } = generateKeyPair()): ProviderKey {
  return { keyId, publicKey: preparePublicKey(publicKey) };
}

const key = keyOf();

it("gives all attempts on a connection one context, and each connection its own", () => {
  const first = contexts.of(connection, key);
  expect(contexts.of(connection, key)).toBe(first);
  expect(first.announcement).toEqual({
    context_id: first.sealing.contextId,
    key_id: key.keyId,
    encapsulated_key: Buffer.from(first.sealing.encapsulatedKey).toString("base64url"),
  });
  expect(contexts.of({}, key).sealing.contextId).not.toBe(first.sealing.contextId);
});

it("makes another one, and tells which it replaces, when the provider has another key", () => {
  const first = contexts.of(connection, key);
  const second = contexts.of(connection, keyOf());
  expect(second.announcement).toMatchObject({ replaces: first.sealing.contextId });
  expect(first.sealing.spent).toBe(true);
});

it("erases a context when its time is over, used or not", () => {
  const first = contexts.of(connection, key);
  clock.advance(LIMITS.keyRotationMs - 1);
  expect(contexts.of(connection, key)).toBe(first);
  clock.advance(1);
  expect(first.sealing.spent).toBe(true);
  const second = contexts.of(connection, key);
  expect(second.announcement).toMatchObject({ replaces: first.sealing.contextId });
  clock.advance(LIMITS.keyRotationMs - 1);
  expect(contexts.of(connection, key)).toBe(second);
});

it("makes another one when a context has had its attempts", () => {
  const first = contexts.of(connection, key);
  for (let n = 0; n < MAX_ATTEMPTS_PER_CONTEXT; n++) first.sealing.attempt({ requestId: "r", attemptId: `${n}` });
  expect(contexts.of(connection, key)).not.toBe(first);
});

it("erases at once what is forgotten, and leaves no timer behind", () => {
  const first = contexts.of(connection, key);
  contexts.forget(connection);
  contexts.forget(connection);
  expect(first.sealing.spent).toBe(true);
  expect(clock.pending).toBe(0);
  expect(contexts.of(connection, key).announcement.replaces).toBeUndefined();
});

it("holds nothing of a key that yields no secret", () => {
  const weak = { keyId: "weak", publicKey: preparePublicKey(new Uint8Array(32)) };
  expect(() => contexts.of(connection, weak)).toThrow(expect.objectContaining({ code: "invalid_key" }));
  expect(clock.pending).toBe(0);
});

it("makes its contexts as it is told to", () => {
  const made: string[] = [];
  const cheap = new ProviderContexts(clock, (publicKey) => {
    const context = createSealingContext(publicKey, { padding: "none" });
    made.push(context.contextId);
    return context;
  });
  expect(made).toEqual([cheap.of(connection, key).sealing.contextId]);
  expect(made).toHaveLength(1);
});
