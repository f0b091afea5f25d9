import { createHash } from "node:crypto";
import { type Certificate, readCertificate } from "./certificate.js";

/** Intermediate certificates that are remembered at most; Apple uses one. */
const MAX_KNOWN_INTERMEDIATES = 8;

/**
 * A root that device certificates may lead to. It remembers the intermediate certificates whose signatures it has led
 * to already, so that a fleet costs one signature check a device.
 */
export interface AppleRoot {
  readonly der: Uint8Array;
  readonly certificate: Certificate;
  /** SHA-256 of certificates, hex, whose signatures hold all the way up; validity is asked anew each time. */
  readonly knownIntermediates: KnownIntermediates;
}

export interface KnownIntermediates {
  has(der: Uint8Array, issuer: Uint8Array): boolean;
  add(der: Uint8Array, issuer: Uint8Array): void;
}

/**
 * @param der the root's own certificate
 * @throws RangeError when it is none
 */
export function appleRootOf(der: Uint8Array): AppleRoot {
  const reading = readCertificate(der);
  if (reading.type === "unreadable") throw new RangeError(`The root is no certificate: ${reading.detail}`);
  return { der, certificate: reading.certificate, knownIntermediates: rememberIntermediates() };
}

function rememberIntermediates(): KnownIntermediates {
  const known = new Set<string>();
  const keyOf = (der: Uint8Array, issuer: Uint8Array): string => `${sha256(der)}.${sha256(issuer)}`;
  return {
    has: (der, issuer) => known.has(keyOf(der, issuer)),
    add(der, issuer) {
      if (known.size >= MAX_KNOWN_INTERMEDIATES) known.clear();
      known.add(keyOf(der, issuer));
    },
  };
}

const sha256 = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");

/**
 * SHA-256 of the root's DER, hex: Apple Enterprise Attestation Root CA, P-384, valid from 2022-02-16 to 2047-02-20, as
 * at https://www.apple.com/certificateauthority/private/.
 */
export const APPLE_ROOT_FINGERPRINT = "ccf59ef8fcb3017d97f8b5fa6fa90e7a3f9283f76b55ac6cf6eda8b8b949f05b";

const APPLE_ROOT_BASE64 = [
  "MIICJDCCAamgAwIBAgIUQsDCuyxyfFxeq/bxpm8frF15hzcwCgYIKoZIzj0EAwMw",
  "UTEtMCsGA1UEAwwkQXBwbGUgRW50ZXJwcmlzZSBBdHRlc3RhdGlvbiBSb290IENB",
  "MRMwEQYDVQQKDApBcHBsZSBJbmMuMQswCQYDVQQGEwJVUzAeFw0yMjAyMTYxOTAx",
  "MjRaFw00NzAyMjAwMDAwMDBaMFExLTArBgNVBAMMJEFwcGxlIEVudGVycHJpc2Ug",
  "QXR0ZXN0YXRpb24gUm9vdCBDQTETMBEGA1UECgwKQXBwbGUgSW5jLjELMAkGA1UE",
  "BhMCVVMwdjAQBgcqhkjOPQIBBgUrgQQAIgNiAAT6Jigq+Ps9Q4CoT8t8q+UnOe2p",
  "oT9nRaUfGhBTbgvqSGXPjVkbYlIWYO+1zPk2Sz9hQ5ozzmLrPmTBgEWRcHjA2/y7",
  "7GEicps9wn2tj+G89l3INNDKETdxSPPIZpPj8VmjQjBAMA8GA1UdEwEB/wQFMAMB",
  "Af8wHQYDVR0OBBYEFPNqTQGd8muBpV5du+UIbVbi+d66MA4GA1UdDwEB/wQEAwIB",
  "BjAKBggqhkjOPQQDAwNpADBmAjEA1xpWmTLSpr1VH4f8Ypk8f3jMUKYz4QPG8mL5",
  "8m9sX/b2+eXpTv2pH4RZgJjucnbcAjEA4ZSB6S45FlPuS/u4pTnzoz632rA+xW/T",
  "ZwFEh9bhKjJ+5VQ9/Do1os0u3LEkgN/r",
].join("");

let appleRoot: AppleRoot | undefined;

/** The pinned Apple Enterprise Attestation Root CA. */
export function appleEnterpriseRoot(): AppleRoot {
  appleRoot ??= appleRootOf(Buffer.from(APPLE_ROOT_BASE64, "base64"));
  return appleRoot;
}
