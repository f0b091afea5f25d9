import { describe, expect, it } from "vitest";
import type { EncryptionKeyPair } from "./key-pair.js";
import { KeyRing } from "./key-ring.js";
import { noblePrimitives } from "./noble-primitives.js";
import { nodePrimitives } from "./node-primitives.js";

describe.each([nodePrimitives, noblePrimitives])("key ring on $name primitives", (primitives) => {
  const peer = primitives.preparePublicKey(primitives.generatePrivateKey().publicKey);
  const usable = ({ privateKey }: EncryptionKeyPair): boolean => {
    try {
      privateKey.agree(peer);
      return true;
    } catch (error) {
      expect(error).toMatchObject({ code: "key_erased" });
      return false;
    }
  };

  it("announces one key and lends it by its id", () => {
    const ring = new KeyRing(primitives);
    const lease = ring.acquire(ring.current.keyId)!;
    expect(lease.keyPair.publicKey).toEqual(ring.current.publicKey);
    expect(usable(lease.keyPair)).toBe(true);
    expect(ring.acquire("unknown")).toBeUndefined();
    expect(ring.current).not.toHaveProperty("privateKey");
  });

  it("still lends the previous key after a rotation, for requests that crossed it", () => {
    const ring = new KeyRing(primitives);
    const old = ring.current;
    const fresh = ring.rotate();
    expect(fresh).toEqual(ring.current);
    expect(fresh.keyId).not.toBe(old.keyId);
    const lease = ring.acquire(old.keyId)!;
    expect(usable(lease.keyPair)).toBe(true);
    lease[Symbol.dispose]();
    expect(usable(lease.keyPair)).toBe(true);
  });

  it("retires a key at the second rotation and erases it at once when nobody uses it", () => {
    const ring = new KeyRing(primitives);
    const lease = ring.acquire(ring.current.keyId)!;
    lease[Symbol.dispose]();
    ring.rotate();
    ring.rotate();
    expect(ring.acquire(lease.keyPair.keyId)).toBeUndefined();
    expect(usable(lease.keyPair)).toBe(false);
  });

  it("erases a retired key only when its last user is done, and counts each user once", () => {
    const ring = new KeyRing(primitives);
    const { keyId } = ring.current;
    const [first, second] = [ring.acquire(keyId)!, ring.acquire(keyId)!];
    ring.rotate();
    ring.retirePrevious();
    expect(ring.acquire(keyId)).toBeUndefined();
    first[Symbol.dispose]();
    first[Symbol.dispose]();
    expect(usable(second.keyPair)).toBe(true);
    second[Symbol.dispose]();
    expect(usable(second.keyPair)).toBe(false);
  });

  it("leaves the current key alone when the previous one is retired", () => {
    const ring = new KeyRing(primitives);
    ring.rotate();
    ring.retirePrevious();
    ring.retirePrevious();
    expect(usable(ring.acquire(ring.current.keyId)!.keyPair)).toBe(true);
  });

  it("lends nothing once it is disposed, and erases what nobody uses", () => {
    const ring = new KeyRing(primitives);
    const previous = ring.acquire(ring.current.keyId)!;
    ring.rotate();
    const current = ring.acquire(ring.current.keyId)!;
    current[Symbol.dispose]();
    ring[Symbol.dispose]();
    expect(ring.acquire(previous.keyPair.keyId)).toBeUndefined();
    expect(ring.acquire(current.keyPair.keyId)).toBeUndefined();
    expect(usable(current.keyPair)).toBe(false);
    expect(usable(previous.keyPair)).toBe(true);
    previous[Symbol.dispose]();
    expect(usable(previous.keyPair)).toBe(false);
  });
});
