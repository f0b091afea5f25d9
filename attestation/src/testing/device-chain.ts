import { createPrivateKey, generateKeyPairSync, type KeyObject, sign } from "node:crypto";
import { AsnConvert, OctetString } from "@peculiar/asn1-schema";
import {
  AlgorithmIdentifier,
  AttributeTypeAndValue,
  AttributeValue,
  BasicConstraints,
  Certificate,
  Extension,
  Extensions,
  KeyUsage,
  KeyUsageFlags,
  Name,
  RelativeDistinguishedName,
  SubjectPublicKeyInfo,
  TBSCertificate,
  Validity,
  Version,
} from "@peculiar/asn1-x509";
import { APPLE_OID } from "../apple/device-properties.js";
import { type AppleRoot, appleRootOf } from "../apple/index.js";

/** How certificates are signed here: Apple's way, another that is allowed, and some that are not. */
const ALGORITHMS = {
  "P-384": { oid: "1.2.840.10045.4.3.3", hash: "sha384", curve: "P-384" },
  "P-256": { oid: "1.2.840.10045.4.3.2", hash: "sha256", curve: "P-256" },
  "P-521": { oid: "1.2.840.10045.4.3.4", hash: "sha512", curve: "P-521" },
  secp256k1: { oid: "1.2.840.10045.4.3.2", hash: "sha256", curve: "secp256k1" },
  "P-384 with SHA-1": { oid: "1.2.840.10045.4.1", hash: "sha1", curve: "P-384" },
  "P-384 with SHA-512": { oid: "1.2.840.10045.4.3.4", hash: "sha512", curve: "P-384" },
  RSA: { oid: "1.2.840.113549.1.1.11", hash: "sha256", curve: undefined },
} as const;
export type Algorithm = keyof typeof ALGORITHMS;

export interface Keys {
  readonly algorithm: Algorithm;
  readonly spki: Uint8Array;
  readonly privateKey: KeyObject;
}

export function newKeys(algorithm: Algorithm = "P-384"): Keys {
  const publicKeyEncoding = { type: "spki", format: "der" } as const;
  const privateKeyEncoding = { type: "pkcs8", format: "pem" } as const;
  const { curve } = ALGORITHMS[algorithm];
  const pair =
    curve === undefined
      ? generateKeyPairSync("rsa", { modulusLength: 2048, publicKeyEncoding, privateKeyEncoding })
      : generateKeyPairSync("ec", { namedCurve: curve, publicKeyEncoding, privateKeyEncoding });
  return { algorithm, spki: new Uint8Array(pair.publicKey), privateKey: createPrivateKey(pair.privateKey) };
}

export interface CertificateRecipe {
  readonly subject: string;
  readonly issuer: string;
  readonly keys: Keys;
  readonly signer: Keys;
  /** Another than goes with the signer's key. */
  readonly algorithm?: Algorithm;
  readonly notBefore?: number;
  readonly notAfter?: number;
  readonly extensions: readonly Extension[];
}

/** The middle of the time in which certificates are valid here. */
export const TEST_NOW = Date.UTC(2026, 5, 1);
const YEAR_MS = 365 * 24 * 3_600_000;

/** One DER certificate, right or wrong in whatever way is asked. */
export function issue(recipe: CertificateRecipe): Uint8Array {
  const { oid, hash } = ALGORITHMS[recipe.algorithm ?? recipe.signer.algorithm];
  const algorithm = new AlgorithmIdentifier({ algorithm: oid });
  const tbs = new TBSCertificate({
    version: Version.v3,
    serialNumber: Uint8Array.of(1).buffer,
    signature: algorithm,
    issuer: nameOf(recipe.issuer),
    subject: nameOf(recipe.subject),
    validity: new Validity({
      notBefore: new Date(recipe.notBefore ?? TEST_NOW - YEAR_MS),
      notAfter: new Date(recipe.notAfter ?? TEST_NOW + YEAR_MS),
    }),
    subjectPublicKeyInfo: AsnConvert.parse(recipe.keys.spki, SubjectPublicKeyInfo),
    extensions: new Extensions([...recipe.extensions]),
  });
  const signature = sign(hash, Buffer.from(AsnConvert.serialize(tbs)), recipe.signer.privateKey);
  const certificate = new Certificate({
    tbsCertificate: tbs,
    signatureAlgorithm: algorithm,
    signatureValue: new Uint8Array(signature).buffer,
  });
  return new Uint8Array(AsnConvert.serialize(certificate));
}

function nameOf(commonName: string): Name {
  const value = new AttributeValue({ utf8String: commonName });
  return new Name([new RelativeDistinguishedName([new AttributeTypeAndValue({ type: "2.5.4.3", value })])]);
}

export function extension(oid: string, value: Uint8Array, critical = false): Extension {
  return new Extension({ extnID: oid, critical, extnValue: new OctetString(new Uint8Array(value).buffer) });
}

export function basicConstraints(ca: boolean, pathLength?: number): Extension {
  const content = new BasicConstraints({
    cA: ca,
    ...(pathLength === undefined ? {} : { pathLenConstraint: pathLength }),
  });
  return extension("2.5.29.19", new Uint8Array(AsnConvert.serialize(content)), true);
}

export function keyUsage(use: "keyCertSign" | "digitalSignature"): Extension {
  return extension("2.5.29.15", new Uint8Array(AsnConvert.serialize(new KeyUsage(KeyUsageFlags[use]))), true);
}

/** What a CA carries. */
export const caExtensions = (pathLength?: number): Extension[] => [
  basicConstraints(true, pathLength),
  keyUsage("keyCertSign"),
];

/** One of Apple's statements. */
export function statement(name: keyof typeof APPLE_OID, value: string | Uint8Array): Extension {
  return extension(APPLE_OID[name], typeof value === "string" ? Buffer.from(value) : value);
}

const INTEGER_0 = Buffer.from("020100", "hex");

/** What a device's certificate carries, in the form that Apple gives it. */
export const leafExtensions = (freshness: Uint8Array): Extension[] => [
  keyUsage("digitalSignature"),
  statement("serial", "C02TEST1234"),
  statement("udid", "00008103-000A1B2C3D4E5F60"),
  statement("osVersion", "15.5"),
  statement("sepOsVersion", "15.5"),
  statement("llbVersion", "11881.121.1"),
  statement("freshness", freshness),
  statement("sip", INTEGER_0),
  statement("secureBoot", "Full Security"),
  statement("kextsAllowed", INTEGER_0),
];

/** A root, one CA below it and a device, as Apple has them; any certificate can be made anew with changes. */
export interface SyntheticCa {
  readonly root: AppleRoot;
  /** Without what earlier verifications had it remember. */
  freshRoot(): AppleRoot;
  intermediate(changes?: Partial<CertificateRecipe>): Uint8Array;
  leaf(changes?: Partial<CertificateRecipe>): Uint8Array;
  readonly keys: { readonly root: Keys; readonly intermediate: Keys; readonly leaf: Keys };
}

export const ROOT_NAME = "Synthetic Attestation Root";
export const INTERMEDIATE_NAME = "Synthetic Attestation Sub CA";

/** A root's own certificate. */
export const issueRoot = (subject: string, keys: Keys, pathLength?: number): Uint8Array =>
  issue({ subject, issuer: subject, keys, signer: keys, extensions: caExtensions(pathLength) });

/** @param freshness of the leaf, unless other extensions are asked for */
export function syntheticCa(freshness: Uint8Array): SyntheticCa {
  const keys = { root: newKeys(), intermediate: newKeys(), leaf: newKeys() };
  const rootDer = issueRoot(ROOT_NAME, keys.root);
  const sub = { subject: INTERMEDIATE_NAME, issuer: ROOT_NAME, keys: keys.intermediate, signer: keys.root };
  const device = { subject: "Device", issuer: INTERMEDIATE_NAME, keys: keys.leaf, signer: keys.intermediate };
  return {
    root: appleRootOf(rootDer),
    freshRoot: () => appleRootOf(rootDer),
    keys,
    intermediate: (changes) => issue({ ...sub, extensions: caExtensions(0), ...changes }),
    leaf: (changes) => issue({ ...device, extensions: leafExtensions(freshness), ...changes }),
  };
}
