import { type KeyObject, X509Certificate } from "node:crypto";
import {
  DER_TAG,
  type DerElement,
  DerError,
  readAll,
  readBoolean,
  readOid,
  readOnly,
  readSmallInteger,
} from "./der.js";

/** Bytes of one certificate at most; Apple's have about 1 KiB. */
export const MAX_CERTIFICATE_BYTES = 4096;

export interface CertificateExtension {
  readonly critical: boolean;
  /** What the extension's OCTET STRING holds. */
  readonly value: Uint8Array;
}

/** RFC 5280 §4.2.1.9; `undefined` = no limit. */
export interface BasicConstraints {
  readonly ca: boolean;
  readonly pathLength: number | undefined;
}

/** What path validation asks of a certificate (RFC 5280 §4.1). */
export interface Certificate {
  /** OpenSSL's view of the same bytes: its key, its names, and the check of its signature. */
  readonly x509: X509Certificate;
  /** `undefined` = of a kind that OpenSSL does not know, or a point that is not on its curve. */
  readonly publicKey: KeyObject | undefined;
  /** The same key as it stands in the certificate: SubjectPublicKeyInfo in DER. */
  readonly subjectPublicKeyInfo: Uint8Array;
  /** The object identifier of the algorithm it is signed with. */
  readonly signatureAlgorithm: string;
  /** Wall clock, ms; both ends belong to the time. */
  readonly notBefore: number;
  readonly notAfter: number;
  readonly extensions: ReadonlyMap<string, CertificateExtension>;
  readonly basicConstraints: BasicConstraints | undefined;
  /** The bits of RFC 5280 §4.2.1.3, the first in the highest bit of the first byte. */
  readonly keyUsage: Uint8Array | undefined;
}

export type CertificateReading =
  | { readonly type: "read"; readonly certificate: Certificate }
  | { readonly type: "unreadable"; readonly reason: "malformed" | "duplicate_extension"; readonly detail: string };

const OID_KEY_USAGE = "2.5.29.15";
const OID_BASIC_CONSTRAINTS = "2.5.29.19";
/** Context tag 3 of TBSCertificate: the extensions. */
const EXTENSIONS = 0xa3;
/** Context tag 0 of TBSCertificate, and the version 3 in it. */
const VERSION_3 = Buffer.from("a003020102", "hex");

/**
 * Reads one DER certificate. The structure is read twice: by OpenSSL, which checks signatures over the very bytes, and
 * here for what Node does not show of it (extensions by object identifier, which are critical, the path length).
 */
export function readCertificate(der: Uint8Array): CertificateReading {
  try {
    return read(der);
  } catch (error) {
    const detail = error instanceof DerError ? error.message : "It is no certificate.";
    return { type: "unreadable", reason: "malformed", detail };
  }
}

function read(der: Uint8Array): CertificateReading {
  const [tbs, outerAlgorithm, signature, ...rest] = readAll(readOnly(der, DER_TAG.sequence));
  if (rest.length > 0) throw new DerError("more than a certificate");
  if (expect(signature, DER_TAG.bitString)[0] !== 0) throw new DerError("a signature with unused bits");
  const body = expect(tbs, DER_TAG.sequence);
  if (!VERSION_3.equals(body.subarray(0, VERSION_3.length))) throw new DerError("not version 3");
  // serialNumber, signature, issuer, validity, subject, subjectPublicKeyInfo
  const [, , innerAlgorithm, , validity, subject, key, ...optional] = readAll(body);
  const extensions = readExtensions(optional);
  if (extensions === undefined) {
    return { type: "unreadable", reason: "duplicate_extension", detail: "An extension stands there twice." };
  }
  const algorithm = expect(outerAlgorithm, DER_TAG.sequence);
  if (!Buffer.from(algorithm).equals(expect(innerAlgorithm, DER_TAG.sequence))) {
    throw new DerError("two different signature algorithms");
  }
  const [notBefore, notAfter] = readAll(expect(validity, DER_TAG.sequence)).map(readTime);
  if (notBefore === undefined || notAfter === undefined) throw new DerError("no validity");
  const x509 = new X509Certificate(der);
  const certificate: Certificate = {
    x509,
    publicKey: readPublicKey(x509),
    subjectPublicKeyInfo: body.slice(subject?.end, key?.end),
    signatureAlgorithm: readAlgorithm(algorithm),
    notBefore,
    notAfter,
    extensions,
    basicConstraints: readBasicConstraints(extensions.get(OID_BASIC_CONSTRAINTS)?.value),
    keyUsage: readKeyUsage(extensions.get(OID_KEY_USAGE)?.value),
  };
  return { type: "read", certificate };
}

/** OpenSSL reads the key only when it is asked for, and throws then. */
function readPublicKey(x509: X509Certificate): KeyObject | undefined {
  try {
    return x509.publicKey;
  } catch {
    return undefined;
  }
}

function expect(element: DerElement | undefined, tag: number): Uint8Array {
  if (element?.tag !== tag) throw new DerError(`tag ${element?.tag ?? "none"} where ${tag} belongs`);
  return element.content;
}

/** ECDSA has no parameters (RFC 5758 §3.2); an algorithm with some is none of ours, and gets a name of its own. */
function readAlgorithm(content: Uint8Array): string {
  const [oid, ...parameters] = readAll(content);
  const name = readOid(expect(oid, DER_TAG.oid));
  return parameters.length === 0 ? name : `${name} with parameters`;
}

/** @returns `undefined` when one stands there twice (RFC 5280 §4.2 forbids it) */
function readExtensions(optional: readonly DerElement[]): ReadonlyMap<string, CertificateExtension> | undefined {
  const extensions = new Map<string, CertificateExtension>();
  const block = optional.find(({ tag }) => tag === EXTENSIONS);
  if (block === undefined) return extensions;
  for (const element of readAll(readOnly(block.content, DER_TAG.sequence))) {
    const [oid, ...parts] = readAll(expect(element, DER_TAG.sequence));
    const name = readOid(expect(oid, DER_TAG.oid));
    if (extensions.has(name)) return undefined;
    const [value, ...more] = parts[0]?.tag === DER_TAG.boolean ? parts.slice(1) : parts;
    if (more.length > 0) throw new DerError("more than an extension");
    const critical = parts[0]?.tag === DER_TAG.boolean && readBoolean(parts[0].content);
    extensions.set(name, { critical, value: expect(value, DER_TAG.octetString) });
  }
  return extensions;
}

function readBasicConstraints(value: Uint8Array | undefined): BasicConstraints | undefined {
  if (value === undefined) return undefined;
  const parts = [...readAll(readOnly(value, DER_TAG.sequence))];
  const ca = parts[0]?.tag === DER_TAG.boolean && readBoolean((parts.shift() as DerElement).content);
  const length = parts.shift();
  if (parts.length > 0) throw new DerError("more than basic constraints");
  const pathLength = length === undefined ? undefined : readSmallInteger(expect(length, DER_TAG.integer));
  if (pathLength !== undefined && pathLength < 0) throw new DerError("a negative path length");
  return { ca, pathLength };
}

function readKeyUsage(value: Uint8Array | undefined): Uint8Array | undefined {
  // The first byte of a BIT STRING counts the bits that are not used.
  return value === undefined ? undefined : readOnly(value, DER_TAG.bitString).subarray(1);
}

/** RFC 5280 §4.1.2.5: in UTC, with seconds, without fractions; two-digit years mean 1950 to 2049. */
function readTime({ tag, content }: DerElement): number {
  const text = Buffer.from(content).toString("latin1");
  const digits = tag === DER_TAG.utcTime ? `${Number(text.slice(0, 2)) < 50 ? "20" : "19"}${text}` : text;
  if (tag !== DER_TAG.utcTime && tag !== DER_TAG.generalizedTime) throw new DerError("no time");
  const parts = /^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/.exec(digits);
  if (parts === null) throw new DerError("a time in another form");
  const [, year, month, day, hours, minutes, seconds] = parts;
  const time = Date.parse(`${year}-${month}-${day}T${hours}:${minutes}:${seconds}Z`);
  if (Number.isNaN(time)) throw new DerError("a time that does not exist");
  return time;
}
