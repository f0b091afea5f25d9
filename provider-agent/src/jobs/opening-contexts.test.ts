import { createSealingContext, KeyRing, type SealingContext } from "@hearth/e2e";
import { LIMITS, type RequestFrame, type SealingContextFrame } from "@hearth/protocol";
import { beforeEach, describe, expect, it } from "vitest";
import { OpeningContexts } from "./opening-contexts.js";

let keys: KeyRing;
let contexts: OpeningContexts;

beforeEach(() => {
  keys = new KeyRing();
  contexts = new OpeningContexts(keys);
});

const REQUEST = { type: "request", stream: 1, dialect: "chat_completions", delivery: "interactive" } as const;
const requestIn = (contextId: string, attemptId: string): RequestFrame => ({
  ...REQUEST,
  request_id: "r",
  attempt_id: attemptId,
  model: "m",
  context_id: contextId,
  body_bytes: 1,
});

function announce(sealing: SealingContext, more: Partial<SealingContextFrame> = {}): boolean {
  return contexts.add({
    type: "sealing_context",
    context_id: sealing.contextId,
    key_id: keys.current.keyId,
    encapsulated_key: Buffer.from(sealing.encapsulatedKey).toString("base64url"),
    ...more,
  });
}

/** Whether an attempt under it can be opened. */
function opens(sealing: SealingContext, attemptId: string): boolean {
  const chunk = sealing.attempt({ requestId: "r", attemptId }).seal(Uint8Array.of(7), true);
  const opener = contexts.openerOf(requestIn(sealing.contextId, attemptId));
  return opener !== undefined && opener.open(chunk, 0, true)[0] === 7;
}

const fresh = (): SealingContext => createSealingContext(keys.current.publicKey);

describe("the sealing contexts of a connection", () => {
  it("open attempts under what was set up, each attempt once, and nothing else", () => {
    const sealing = fresh();
    expect(contexts.openerOf(requestIn(sealing.contextId, "a"))).toBeUndefined();
    expect(announce(sealing)).toBe(true);
    expect(opens(sealing, "a")).toBe(true);
    expect(opens(sealing, "b")).toBe(true);
    expect(contexts.openerOf(requestIn(sealing.contextId, "a"))).toBeUndefined();
    expect(contexts.openerOf(requestIn("another", "c"))).toBeUndefined();
  });

  it("do not let a name be taken twice", () => {
    const [one, two] = [fresh(), fresh()];
    announce(one);
    expect(announce(two, { context_id: one.contextId })).toBe(false);
    expect(opens(one, "a")).toBe(true);
  });

  it("hold nothing for a key that is gone, or that yields no secret, and say nothing of it", () => {
    const sealing = fresh();
    expect(announce(sealing, { key_id: "gone" })).toBe(true);
    expect(announce(fresh(), { encapsulated_key: Buffer.alloc(32).toString("base64url") })).toBe(true);
    expect(contexts.size).toBe(0);
    expect(opens(sealing, "a")).toBe(false);
  });

  it("let go of one that is replaced, while what has begun under it goes on", () => {
    const [old, next] = [fresh(), fresh()];
    announce(old);
    const attempt = old.attempt({ requestId: "r", attemptId: "running" });
    const running = contexts.openerOf(requestIn(old.contextId, "running"));
    announce(next, { replaces: old.contextId });
    expect(contexts.size).toBe(1);
    expect(opens(old, "late")).toBe(false);
    expect(opens(next, "a")).toBe(true);
    expect(running?.open(attempt.seal(Uint8Array.of(7), true), 0, true)).toEqual(Uint8Array.of(7));
  });

  it("are erased with the key that they were set up to, and not before", () => {
    const sealing = fresh();
    announce(sealing);
    keys.rotate();
    contexts.keysChanged();
    expect(opens(sealing, "a")).toBe(true);
    keys.rotate();
    contexts.keysChanged();
    expect(contexts.size).toBe(0);
    expect(opens(sealing, "b")).toBe(false);
  });

  it("open nothing under a retired key, even before anybody has told them", () => {
    const sealing = fresh();
    announce(sealing);
    keys.rotate();
    keys.retirePrevious();
    expect(opens(sealing, "a")).toBe(false);
    expect(contexts.size).toBe(0);
  });

  it("holds so many at most: the one that was used least recently makes room", () => {
    const all = Array.from({ length: LIMITS.contextsPerConnection }, fresh);
    for (const each of all) announce(each);
    const [first, second] = all as [SealingContext, SealingContext];
    expect(opens(first, "a")).toBe(true);
    announce(fresh());
    expect(contexts.size).toBe(LIMITS.contextsPerConnection);
    expect(opens(first, "b")).toBe(true);
    expect(opens(second, "b")).toBe(false);
  });

  it("are all erased with the connection", () => {
    const sealing = fresh();
    announce(sealing);
    contexts[Symbol.dispose]();
    expect(contexts.size).toBe(0);
    expect(opens(sealing, "a")).toBe(false);
  });
});
