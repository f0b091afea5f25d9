import { createHash } from "node:crypto";
import { describe, expect, it } from "vitest";
import { defaultPrimitives } from "#default-primitives";
import { generateKeyPair, importKeyPair, keyIdOf, preparePublicKey } from "./key-pair.js";
import { noblePrimitives } from "./noble-primitives.js";
import { nodePrimitives } from "./node-primitives.js";

describe("key pair", () => {
  it.each([nodePrimitives, noblePrimitives])("is named for the hash of its public key ($name)", (primitives) => {
    const { keyId, publicKey } = generateKeyPair(primitives);
    expect(publicKey).toHaveLength(32);
    expect(keyId).toBe(createHash("sha256").update(publicKey).digest("base64url").slice(0, 16));
    expect(keyIdOf(publicKey, primitives)).toBe(keyId);
  });

  it("has a url-safe id for every key", () => {
    for (let i = 0; i < 300; i++) expect(keyIdOf(Uint8Array.of(i, i >> 8))).toMatch(/^[A-Za-z0-9_-]{16}$/);
  });

  it("comes back from its stored private key alike in both primitive sets", () => {
    const stored = new Uint8Array(32).fill(3);
    const [viaNode, viaNoble] = [importKeyPair(stored, nodePrimitives), importKeyPair(stored, noblePrimitives)];
    expect(viaNode.publicKey).toEqual(viaNoble.publicKey);
    expect(viaNode.keyId).toBe(viaNoble.keyId);
    expect(stored.every((byte) => byte === 3)).toBe(true);
  });

  it("uses node:crypto by default under Node", () => {
    expect(defaultPrimitives).toBe(nodePrimitives);
    expect(preparePublicKey(generateKeyPair().publicKey)).toHaveProperty("key");
  });
});
