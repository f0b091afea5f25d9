import { createHash, timingSafeEqual } from "node:crypto";
import { type AppleRoot, appleEnterpriseRoot } from "./apple-root.js";
import { type Certificate, MAX_CERTIFICATE_BYTES, readCertificate } from "./certificate.js";
import { APPLE_OID, type AppleDeviceProperties, readDeviceProperties } from "./device-properties.js";
import { type AppleRejected, rejected } from "./rejection.js";

/** Certificates in a chain at most, the root among them if it is sent; Apple sends two. */
const MAX_CHAIN_CERTIFICATES = 5;

export interface AppleDeviceChain {
  /** DER, the device's own first, each issued by the next. The root may follow. */
  readonly certificates: readonly Uint8Array[];
  /** As in `appleFreshness`. */
  readonly expectedFreshness: Uint8Array;
  /** Wall clock, ms since 1970. */
  readonly now: number;
  /** Another root than Apple's own: for tests. */
  readonly root?: AppleRoot;
}

export interface AppleDevice extends AppleDeviceProperties {
  /** The key that the certificate is for, SubjectPublicKeyInfo in DER. It is not the identity key. */
  readonly publicKey: Uint8Array;
}

export type AppleDeviceResult =
  /** `expiresAt`: when the first certificate of the chain ends, wall clock, ms. */
  { readonly type: "verified"; readonly device: AppleDevice; readonly expiresAt: number } | AppleRejected;

/**
 * The freshness code that vouches for an identity key: SHA-256 of its 65 bytes. The device's management server puts it
 * into `DeviceAttestationNonce` of the `DeviceInformation` command, and Apple copies the nonce
 * into the certificate as it is: only for ACME's device-attest-01 is the code a hash, that of the challenge's token
 * (smallstep/certificates `acme/challenge.go`).
 */
export function appleFreshness(identityKey: Uint8Array): Uint8Array {
  return createHash("sha256").update(identityKey).digest();
}

/** Whether the device is the one that a signed attestation speaks of. */
export function isSerialOf(device: AppleDeviceProperties, serial: string): boolean {
  return device.serial === serial;
}

/**
 * Verifies a Managed Device Attestation: that Apple vouches for the device, and its management server for the identity
 * key (through the freshness code). Synchronous; costs one or two P-384 signature checks.
 *
 * Apple publishes no genuine device certificate, so that the accepting path is tested with a synthetic root only. A
 * device returns the certificate it has while Apple does not issue another (about one in seven days): its freshness
 * code is that of the earlier nonce, so a new identity key may have to wait.
 */
export function verifyAppleDeviceChain(chain: AppleDeviceChain): AppleDeviceResult {
  const root = chain.root ?? appleEnterpriseRoot();
  const path = readPath(chain.certificates, root);
  if (path.type === "rejected") return path;
  const fault = pathFault(path.certificates, root, chain.now);
  if (fault !== undefined) return fault;
  const [leaf] = path.certificates;
  const reading = readDeviceProperties(leaf.extensions);
  if (reading.type === "rejected") return reading;
  if (!equalInConstantTime(reading.properties.freshness, chain.expectedFreshness)) {
    return rejected("freshness_mismatch", "The certificate was made for another identity key.");
  }
  const device = { ...reading.properties, publicKey: leaf.subjectPublicKeyInfo };
  const ends = [...path.certificates, root.certificate].map(({ notAfter }) => notAfter);
  return { type: "verified", device, expiresAt: Math.min(...ends) };
}

/** The device's own certificate and those above it, without the root. */
type Path = readonly [Certificate, ...Certificate[]];

function readPath(sent: readonly Uint8Array[], root: AppleRoot): { type: "read"; certificates: Path } | AppleRejected {
  if (sent.length > MAX_CHAIN_CERTIFICATES) {
    return rejected("too_many_certificates", `${sent.length} certificates, ${MAX_CHAIN_CERTIFICATES} are allowed.`);
  }
  const last = sent.at(-1);
  const below = last !== undefined && Buffer.from(last).equals(root.der) ? sent.slice(0, -1) : sent;
  const certificates: Certificate[] = [];
  for (const [index, der] of below.entries()) {
    if (der.length > MAX_CERTIFICATE_BYTES) {
      return rejected("certificate_too_large", `Certificate ${index} has ${der.length} bytes.`);
    }
    const reading = readCertificate(der);
    if (reading.type === "unreadable") return rejected(reading.reason, `Certificate ${index}: ${reading.detail}`);
    certificates.push(reading.certificate);
  }
  const [leaf, ...issuers] = certificates;
  if (leaf === undefined) return rejected("empty_chain", "No device certificate was sent.");
  return { type: "read", certificates: [leaf, ...issuers] };
}

/** RFC 5280 §6.1, with the dearest check, that of signatures, at the end. */
function pathFault(path: Path, root: AppleRoot, now: number): AppleRejected | undefined {
  const all = [...path, root.certificate];
  for (const [index, certificate] of all.entries()) {
    const fault =
      contentFault(certificate, index, now) ?? (index === 0 ? leafFault(certificate) : issuerFault(certificate, index));
    if (fault !== undefined) return fault;
  }
  return nameFault(path, root) ?? signatureFault(path, root);
}

/** Extensions that are understood here, and may therefore be critical. */
const UNDERSTOOD = new Set<string>(["2.5.29.15", "2.5.29.19", ...Object.values(APPLE_OID)]);
/** RFC 5758 §3.2: ecdsa-with-SHA256 and ecdsa-with-SHA384. */
const SIGNATURE_ALGORITHMS = new Set(["1.2.840.10045.4.3.2", "1.2.840.10045.4.3.3"]);
/** P-256 and P-384, as OpenSSL calls them. */
const CURVES = new Set(["prime256v1", "secp384r1"]);

function contentFault(certificate: Certificate, index: number, now: number): AppleRejected | undefined {
  const { notBefore, notAfter, signatureAlgorithm, extensions } = certificate;
  if (now < notBefore) return rejected("not_yet_valid", `Certificate ${index} is not valid yet.`);
  if (now > notAfter) return rejected("expired", `Certificate ${index} has expired.`);
  if (!SIGNATURE_ALGORITHMS.has(signatureAlgorithm) || !hasAllowedKey(certificate)) {
    return rejected("unsupported_algorithm", `Certificate ${index} is not ECDSA with SHA-2 on P-256 or P-384.`);
  }
  for (const [oid, { critical }] of extensions) {
    if (critical && !UNDERSTOOD.has(oid)) {
      return rejected("unknown_critical_extension", `Certificate ${index} has the critical extension ${oid}.`);
    }
  }
  return undefined;
}

function hasAllowedKey({ publicKey }: Certificate): boolean {
  return publicKey?.asymmetricKeyType === "ec" && CURVES.has(publicKey.asymmetricKeyDetails?.namedCurve ?? "");
}

/** keyCertSign is bit 5 of the key usage, in its first byte. */
const KEY_CERT_SIGN = 0x80 >> 5;
const maySign = ({ keyUsage }: Certificate): boolean => ((keyUsage?.[0] ?? 0) & KEY_CERT_SIGN) !== 0;

function leafFault(leaf: Certificate): AppleRejected | undefined {
  if (leaf.basicConstraints?.ca === true) return rejected("leaf_is_ca", "The device certificate is that of a CA.");
  if (maySign(leaf)) return rejected("key_usage", "The device certificate may sign certificates.");
  return undefined;
}

/** @param index place in the chain: `index - 1` CAs stand between it and the device */
function issuerFault(issuer: Certificate, index: number): AppleRejected | undefined {
  const { basicConstraints } = issuer;
  if (basicConstraints?.ca !== true) return rejected("not_a_ca", `Certificate ${index} is not that of a CA.`);
  if (!maySign(issuer)) return rejected("key_usage", `Certificate ${index} may not sign certificates.`);
  if ((basicConstraints.pathLength ?? Number.POSITIVE_INFINITY) < index - 1) {
    return rejected("path_length", `Certificate ${index} allows fewer CAs below it.`);
  }
  return undefined;
}

function nameFault(path: Path, root: AppleRoot): AppleRejected | undefined {
  for (const [index, { x509 }] of path.entries()) {
    const issuer = path[index + 1];
    if (x509.checkIssued((issuer ?? root.certificate).x509)) continue;
    return issuer === undefined
      ? rejected("untrusted_root", `Certificate ${index} does not lead to the pinned root.`)
      : rejected("wrong_issuer", `Certificate ${index} was not issued by the next one.`);
  }
  return undefined;
}

/** From the top: what an unproven key has signed is not looked at. */
function signatureFault(path: Path, root: AppleRoot): AppleRejected | undefined {
  for (let index = path.length - 1; index >= 0; index -= 1) {
    const { x509 } = path[index] as Certificate;
    const issuer = path[index + 1] ?? root.certificate;
    if (index > 0 && root.knownIntermediates.has(x509.raw, issuer.x509.raw)) continue;
    if (issuer.publicKey === undefined || !x509.verify(issuer.publicKey)) {
      return rejected("bad_signature", `Certificate ${index} does not bear its issuer's signature.`);
    }
    if (index > 0) root.knownIntermediates.add(x509.raw, issuer.x509.raw);
  }
  return undefined;
}

function equalInConstantTime(left: Uint8Array, right: Uint8Array): boolean {
  return left.length === right.length && timingSafeEqual(left, right);
}
