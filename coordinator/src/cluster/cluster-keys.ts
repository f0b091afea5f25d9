import { createHmac, hkdfSync, timingSafeEqual } from "node:crypto";

/** Each use of the cluster's secret has a key of its own. */
export interface ClusterKeys {
  /** Proves to another node that this one belongs to the fleet. */
  readonly link: Uint8Array;
  /** Marks what nodes say of their machines: who can write to Redis alone cannot put a key in a machine's place. */
  readonly directory: Uint8Array;
  /** Marks what nodes tell each other of what they remember. */
  readonly news: Uint8Array;
}

export function clusterKeysOf(secret: string): ClusterKeys {
  const derive = (use: string): Uint8Array =>
    new Uint8Array(hkdfSync("sha256", Buffer.from(secret, "utf8"), new Uint8Array(), `hearth cluster ${use} v1`, 32));
  return { link: derive("link"), directory: derive("directory"), news: derive("news") };
}

/** What the keys for sealed requests are derived from: the same on all nodes, so that each opens what is sealed to any. */
export function sealingSecretOf(secret: string): string {
  return Buffer.from(
    hkdfSync("sha256", Buffer.from(secret), new Uint8Array(), "hearth cluster sealing v1", 32),
  ).toString("base64url");
}

/** HMAC-SHA-256 over the parts, which are told apart whatever is in them; base64url. */
export function macOf(key: Uint8Array, parts: readonly (string | number)[]): string {
  return createHmac("sha256", key).update(JSON.stringify(parts)).digest("base64url");
}

/** Compares in a time that tells nothing of where they differ. */
export function isSameMac(one: string, other: string): boolean {
  const [a, b] = [Buffer.from(one), Buffer.from(other)];
  return a.length === b.length && timingSafeEqual(a, b);
}
