import { createPublicKey, type KeyObject, verify } from "node:crypto";

/** Bytes of an uncompressed P-256 point (SEC 1 §2.3.3): `04 ‖ x ‖ y`. */
export const IDENTITY_KEY_BYTES = 65;
/** Bytes of a signature: r ‖ s, 32 bytes each (IEEE P1363). */
export const SIGNATURE_BYTES = 64;

/** Order of the P-256 group, and half of it (FIPS 186-5, SP 800-186 §3.2.1.3). */
const ORDER = BigInt("0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551");
const HALF_ORDER = ORDER / 2n;

/** Keys that are kept ready. OpenSSL's form of one takes 5 kB, and 80 µs to make, as against the 65 µs of a verification. */
const MAX_READY = 1_024;

/** The keys used last, each by its verifier, that used longest ago first. */
const ready = new Map<Verifier, KeyObject>();

/** A public key that verifies many signatures. */
export interface Verifier {
  readonly publicKey: Uint8Array;
  /**
   * ECDSA with SHA-256 over the message. Of the two signatures that are valid for one message only the one with the
   * lower s is taken, so that a signature cannot be changed into another valid one.
   */
  verify(message: Uint8Array, signature: Uint8Array): boolean;
}

/**
 * Takes a public key. One that is used often is kept ready for that, one that is not costs hardly more than its bytes.
 *
 * @returns `undefined` unless it is an uncompressed point of P-256 (the point at infinity has no such form)
 */
export function verifierOf(publicKey: Uint8Array): Verifier | undefined {
  const key = importPoint(publicKey);
  if (key === undefined) return undefined;
  const verifier = new PointVerifier(publicKey);
  keepReady(verifier, key);
  return verifier;
}

class PointVerifier implements Verifier {
  readonly publicKey: Uint8Array;

  /** @param publicKey known to be a point of the curve */
  constructor(publicKey: Uint8Array) {
    this.publicKey = publicKey;
  }

  verify(message: Uint8Array, signature: Uint8Array): boolean {
    if (!isStrictSignature(signature)) return false;
    const key = ready.get(this) ?? importPoint(this.publicKey);
    if (key === undefined) return false;
    keepReady(this, key);
    return verify("sha256", message, { key, dsaEncoding: "ieee-p1363" }, signature);
  }
}

function keepReady(verifier: Verifier, key: KeyObject): void {
  ready.delete(verifier);
  ready.set(verifier, key);
  const [oldest] = ready.keys();
  if (oldest !== undefined && ready.size > MAX_READY) ready.delete(oldest);
}

/** Verifies one signature: `false` for anything that is not a key, not a strict signature, or not of this message. */
export function verifySignature(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean {
  return verifierOf(publicKey)?.verify(message, signature) ?? false;
}

/** 64 bytes, 0 < r < n, 0 < s ≤ n/2. */
function isStrictSignature(signature: Uint8Array): boolean {
  if (signature.length !== SIGNATURE_BYTES) return false;
  const r = toInteger(signature.subarray(0, 32));
  const s = toInteger(signature.subarray(32));
  return r > 0n && r < ORDER && s > 0n && s <= HALF_ORDER;
}

/** The same signature with the lower s: what signers do that cannot choose. */
export function withLowS(signature: Uint8Array): Uint8Array {
  if (signature.length !== SIGNATURE_BYTES) throw new RangeError("A signature has 64 bytes.");
  const s = toInteger(signature.subarray(32));
  if (s <= HALF_ORDER || s >= ORDER) return signature;
  const lower = (ORDER - s).toString(16).padStart(64, "0");
  return Buffer.concat([signature.subarray(0, 32), Buffer.from(lower, "hex")]);
}

function toInteger(bytes: Uint8Array): bigint {
  return BigInt(`0x${Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString("hex")}`);
}

function importPoint(point: Uint8Array): KeyObject | undefined {
  if (point.length !== IDENTITY_KEY_BYTES || point[0] !== 0x04) return undefined;
  const coordinate = (from: number): string => Buffer.from(point.subarray(from, from + 32)).toString("base64url");
  try {
    return createPublicKey({
      key: { kty: "EC", crv: "P-256", x: coordinate(1), y: coordinate(33) },
      format: "jwk",
    });
  } catch {
    return undefined;
  }
}
