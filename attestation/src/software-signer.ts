import { createPrivateKey, createPublicKey, generateKeyPairSync, sign } from "node:crypto";
import type { IdentitySigner } from "./identity-signer.js";
import { IDENTITY_KEY_BYTES, withLowS } from "./p256.js";

/** A new P-256 private key, as PKCS #8 in PEM. */
export function newSoftwareKey(): string {
  // Encoded inside the generation: exporting a generated key object can deadlock with a garbage collection (Node 20).
  const { privateKey } = generateKeyPairSync("ec", {
    namedCurve: "P-256",
    publicKeyEncoding: { type: "spki", format: "der" },
    privateKeyEncoding: { type: "pkcs8", format: "pem" },
  });
  return privateKey;
}

/**
 * Signs with a private key that this process holds.
 *
 * @param privateKey as `newSoftwareKey` makes it
 * @throws RangeError for anything else
 */
export function softwareSigner(privateKey: string): IdentitySigner {
  const key = importKey(privateKey);
  if (key.asymmetricKeyDetails?.namedCurve !== "prime256v1") throw new RangeError("This is no P-256 private key.");
  const spki = createPublicKey(key).export({ type: "spki", format: "der" });
  // RFC 5480 §2.2: the point is the end of the structure.
  const publicKey = new Uint8Array(spki.subarray(-IDENTITY_KEY_BYTES));
  return {
    kind: "software",
    publicKey,
    sign: async (message) => withLowS(sign("sha256", message, { key, dsaEncoding: "ieee-p1363" })),
  };
}

function importKey(privateKey: string) {
  try {
    return createPrivateKey(privateKey);
  } catch {
    throw new RangeError("This is no private key in PEM.");
  }
}
