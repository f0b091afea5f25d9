import { createHash, X509Certificate } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import {
  basicConstraints,
  caExtensions,
  extension,
  INTERMEDIATE_NAME,
  issue,
  issueRoot,
  keyUsage,
  leafExtensions,
  newKeys,
  ROOT_NAME,
  type SyntheticCa,
  statement,
  syntheticCa,
  TEST_NOW,
} from "../testing/device-chain.js";
import {
  APPLE_ROOT_FINGERPRINT,
  type AppleRoot,
  appleEnterpriseRoot,
  appleFreshness,
  appleRootOf,
  isSerialOf,
  verifyAppleDeviceChain,
} from "./index.js";

const identityKey = Uint8Array.from({ length: 65 }, (_, index) => index);
const freshness = appleFreshness(identityKey);
const DAY_MS = 24 * 3_600_000;

let ca: SyntheticCa;
let leaf: Uint8Array;
let intermediate: Uint8Array;
beforeAll(() => {
  ca = syntheticCa(freshness);
  leaf = ca.leaf();
  intermediate = ca.intermediate();
});

function verify(
  certificates: readonly Uint8Array[],
  changes: { now?: number; root?: AppleRoot; fresh?: Uint8Array } = {},
) {
  return verifyAppleDeviceChain({
    certificates,
    expectedFreshness: changes.fresh ?? freshness,
    now: changes.now ?? TEST_NOW,
    root: changes.root ?? ca.root,
  });
}

/** Why a chain is refused, or `verified`. */
function outcome(...args: Parameters<typeof verify>): string {
  const result = verify(...args);
  return result.type === "rejected" ? result.reason : result.type;
}

const root = fileURLToPath(new URL("../../..", import.meta.url));
const reference = join(
  process.env["HEARTH_REFERENCE_DIR"] ?? join(root, ".cache/reference"),
  "apple-mda/Apple_Enterprise_Attestation_Root_CA.pem",
);
// biome-ignore lint/suspicious/noConsole: whoever reads the run must see that a comparison was skipped
if (!existsSync(reference)) console.warn(`Not compared: ${reference} is not there (set HEARTH_REFERENCE_DIR).`);

describe("the pinned root", () => {
  it("has the fingerprint that is written beside it, and signs itself", () => {
    const { der, certificate } = appleEnterpriseRoot();
    expect(createHash("sha256").update(der).digest("hex")).toBe(APPLE_ROOT_FINGERPRINT);
    expect(certificate.x509.verify(certificate.x509.publicKey)).toBe(true);
    expect(certificate.x509.subject).toContain("Apple Enterprise Attestation Root CA");
    expect(new Date(certificate.notAfter).toISOString()).toBe("2047-02-20T00:00:00.000Z");
  });

  it.skipIf(!existsSync(reference))("is the one that Apple publishes", () => {
    expect(Buffer.from(appleEnterpriseRoot().der).equals(new X509Certificate(readFileSync(reference)).raw)).toBe(true);
  });

  it("does not vouch for a synthetic device, nor for itself", () => {
    expect(outcome([leaf, intermediate], { root: appleEnterpriseRoot() })).toBe("untrusted_root");
    expect(outcome([appleEnterpriseRoot().der], { root: appleEnterpriseRoot() })).toBe("empty_chain");
  });

  it("must be a certificate", () => {
    expect(() => appleRootOf(new Uint8Array(100))).toThrow(RangeError);
  });
});

describe("a device's chain", () => {
  it("that holds tells what Apple states, with the root or without", () => {
    for (const certificates of [
      [leaf, intermediate],
      [leaf, intermediate, ca.root.der],
    ]) {
      const result = verify(certificates, { root: ca.freshRoot() });
      if (result.type === "rejected") throw new Error(result.detail);
      const { publicKey, freshness: code, ...device } = result.device;
      expect(device).toEqual({
        serial: "C02TEST1234",
        udid: "00008103-000A1B2C3D4E5F60",
        osVersion: "15.5",
        sepOsVersion: "15.5",
        llbVersion: "11881.121.1",
        sip: true,
        secureBoot: "full",
        kextsAllowed: false,
      });
      expect(Buffer.from(code).equals(freshness)).toBe(true);
      expect(
        Buffer.from(publicKey).equals(new X509Certificate(leaf).publicKey.export({ type: "spki", format: "der" })),
      ).toBe(true);
      expect(isSerialOf(result.device, "C02TEST1234")).toBe(true);
      expect(isSerialOf(result.device, "C02TEST1235")).toBe(false);
    }
  });

  it("lasts as long as its shortest-lived certificate, both ends included", () => {
    const short = ca.intermediate({ notBefore: TEST_NOW - DAY_MS, notAfter: TEST_NOW + DAY_MS });
    const result = verify([leaf, short]);
    expect(result).toMatchObject({ type: "verified", expiresAt: TEST_NOW + DAY_MS });
    expect(outcome([leaf, short], { now: TEST_NOW + DAY_MS })).toBe("verified");
    expect(outcome([leaf, short], { now: TEST_NOW + DAY_MS + 1 })).toBe("expired");
    expect(outcome([leaf, short], { now: TEST_NOW - DAY_MS - 1 })).toBe("not_yet_valid");
  });

  it("is refused when the root itself has expired", () => {
    expect(outcome([leaf, intermediate], { now: TEST_NOW + 400 * DAY_MS })).toBe("expired");
  });

  it("may be a device certificate straight from the root", () => {
    const direct = ca.leaf({ issuer: ROOT_NAME, signer: ca.keys.root });
    expect(outcome([direct])).toBe("verified");
    expect(outcome([direct, intermediate])).toBe("wrong_issuer");
  });

  it("is refused in any other order, with a piece missing, twice or too many", () => {
    expect(["leaf_is_ca", "not_a_ca"]).toContain(outcome([intermediate, leaf]));
    expect(outcome([leaf])).toBe("untrusted_root");
    expect(outcome([leaf, ca.root.der, intermediate])).toBe("path_length");
    expect(outcome([leaf, ca.root.der, ca.intermediate({ extensions: caExtensions() })])).toBe("wrong_issuer");
    expect(outcome([leaf, intermediate, intermediate])).toBe("path_length");
    expect(outcome([])).toBe("empty_chain");
    expect(outcome([ca.root.der])).toBe("empty_chain");
    expect(outcome(new Array<Uint8Array>(6).fill(leaf))).toBe("too_many_certificates");
  });

  it("is refused under another root, of another name or the same", () => {
    const other = syntheticCa(freshness);
    expect(outcome([leaf, intermediate], { root: other.root })).toBe("bad_signature");
    const keys = newKeys();
    const renamed = appleRootOf(issueRoot("Other", keys));
    expect(outcome([leaf, intermediate], { root: renamed })).toBe("untrusted_root");
  });

  it("is refused when the device signed its own certificate", () => {
    const selfSigned = ca.leaf({ issuer: "Device", signer: ca.keys.leaf });
    expect(outcome([selfSigned])).toBe("untrusted_root");
    expect(outcome([selfSigned, intermediate])).toBe("wrong_issuer");
    expect(outcome([ca.leaf({ signer: ca.keys.leaf }), intermediate])).toBe("bad_signature");
  });

  it("is refused when a certificate of a CA that was proven before is forged", () => {
    expect(outcome([leaf, intermediate])).toBe("verified");
    const forger = newKeys();
    const forged = ca.intermediate({ keys: forger, signer: forger });
    expect(outcome([ca.leaf({ signer: forger }), forged])).toBe("bad_signature");
  });
});

describe("a certificate", () => {
  it("of which any one bit is flipped spoils the chain", () => {
    const chain = [leaf, intermediate];
    const anyBit = fc
      .nat(1)
      .chain((which) => fc.tuple(fc.constant(which), fc.nat((chain[which]?.length ?? 0) - 1), fc.nat(7)));
    fc.assert(
      fc.property(anyBit, ([which, at, bit]) => {
        const changed = chain.map((der) => der.slice());
        const target = changed[which] as Uint8Array;
        target[at] = (target[at] ?? 0) ^ (1 << bit);
        // A root that remembers nothing: an intermediate that was proven before must not help.
        return verify(changed, { root: ca.freshRoot() }).type === "rejected";
      }),
      { numRuns: 600 },
    );
  });

  it("of random bytes, cut short, too long or with bytes after it is malformed", () => {
    fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), (junk) => outcome([junk, intermediate]) === "malformed"));
    fc.assert(
      fc.property(fc.nat(leaf.length - 1), (length) => outcome([leaf.slice(0, length), intermediate]) === "malformed"),
    );
    expect(outcome([Buffer.concat([leaf, Buffer.of(0)]), intermediate])).toBe("malformed");
    expect(outcome([leaf, Buffer.concat([intermediate, leaf])])).toBe("malformed");
    expect(outcome([new Uint8Array(4097), intermediate])).toBe("certificate_too_large");
  });

  it.each(["RSA", "P-521", "secp256k1"] as const)("with a key of %s is refused", (algorithm) => {
    const keys = newKeys(algorithm);
    expect(outcome([ca.leaf({ signer: keys }), ca.intermediate({ keys })])).toBe("unsupported_algorithm");
    expect(outcome([ca.leaf({ keys }), intermediate])).toBe("unsupported_algorithm");
  });

  it.each(["P-384 with SHA-1", "P-384 with SHA-512"] as const)("signed on %s is refused", (algorithm) => {
    expect(outcome([ca.leaf({ algorithm }), intermediate])).toBe("unsupported_algorithm");
    expect(outcome([leaf, ca.intermediate({ algorithm })])).toBe("unsupported_algorithm");
  });

  it("signed on P-256 with SHA-256 is accepted", () => {
    const keys = newKeys("P-256");
    expect(outcome([ca.leaf({ signer: keys }), ca.intermediate({ keys })])).toBe("verified");
  });

  it("that issues must be that of a CA which may sign, and a device's must not", () => {
    const sign = keyUsage("keyCertSign");
    const noCa = ca.intermediate({ extensions: [basicConstraints(false), sign] });
    expect(outcome([leaf, noCa])).toBe("not_a_ca");
    expect(outcome([leaf, ca.intermediate({ extensions: [sign] })])).toBe("not_a_ca");
    const noSigning = [basicConstraints(true, 0), keyUsage("digitalSignature")];
    expect(outcome([leaf, ca.intermediate({ extensions: noSigning })])).toBe("key_usage");
    expect(outcome([leaf, ca.intermediate({ extensions: noSigning.slice(0, 1) })])).toBe("key_usage");
    const caLeaf = ca.leaf({ extensions: [...leafExtensions(freshness).slice(1), ...caExtensions()] });
    expect(outcome([caLeaf, intermediate])).toBe("leaf_is_ca");
    const signingLeaf = ca.leaf({ extensions: [...leafExtensions(freshness).slice(1), sign] });
    expect(outcome([signingLeaf, intermediate])).toBe("key_usage");
  });

  it("may have below it only as many CAs as it says", () => {
    const name = "Lower CA";
    const keys = newKeys();
    const lower = issue({
      subject: name,
      issuer: INTERMEDIATE_NAME,
      keys,
      signer: ca.keys.intermediate,
      extensions: caExtensions(0),
    });
    const below = ca.leaf({ issuer: name, signer: keys });
    expect(outcome([below, lower, intermediate])).toBe("path_length");
    expect(outcome([below, lower, ca.intermediate({ extensions: caExtensions(1) })])).toBe("verified");
    const limited = appleRootOf(issueRoot(ROOT_NAME, ca.keys.root, 0));
    expect(outcome([leaf, intermediate], { root: limited })).toBe("path_length");
  });

  it("with an extension twice, or a critical one that nobody knows, is refused", () => {
    const doubled = [...leafExtensions(freshness), statement("serial", "OTHER")];
    expect(outcome([ca.leaf({ extensions: doubled }), intermediate])).toBe("duplicate_extension");
    const unknown = (critical: boolean) => extension("1.2.840.113635.100.99", Buffer.from("0500", "hex"), critical);
    const withUnknown = (critical: boolean) =>
      ca.leaf({ extensions: [...leafExtensions(freshness), unknown(critical)] });
    expect(outcome([withUnknown(true), intermediate])).toBe("unknown_critical_extension");
    expect(outcome([withUnknown(false), intermediate])).toBe("verified");
    const critical = ca.intermediate({ extensions: [...caExtensions(0), unknown(true)] });
    expect(outcome([leaf, critical])).toBe("unknown_critical_extension");
  });
});

describe("what Apple states", () => {
  const without = (oid: string) => leafExtensions(freshness).filter(({ extnID }) => extnID !== oid);
  const replaced = (name: Parameters<typeof statement>[0], value: string | Uint8Array) => {
    const changed = statement(name, value);
    return ca.leaf({ extensions: [...without(changed.extnID), changed] });
  };

  it("must include the freshness code of this identity key, bare", () => {
    const missing = ca.leaf({ extensions: without("1.2.840.113635.100.8.11.1") });
    expect(outcome([missing, intermediate])).toBe("freshness_missing");
    expect(outcome([replaced("freshness", ""), intermediate])).toBe("freshness_missing");
    expect(outcome([leaf, intermediate], { fresh: appleFreshness(identityKey.slice(1)) })).toBe("freshness_mismatch");
    expect(outcome([leaf, intermediate], { fresh: freshness.slice(0, 31) })).toBe("freshness_mismatch");
    expect(outcome([leaf, intermediate], { fresh: new Uint8Array() })).toBe("freshness_mismatch");
    const wrapped = Buffer.concat([Buffer.of(0x04, 0x20), freshness]);
    expect(outcome([replaced("freshness", wrapped), intermediate])).toBe("freshness_mismatch");
  });

  it("must include a serial number", () => {
    expect(outcome([ca.leaf({ extensions: without("1.2.840.113635.100.8.9.1") }), intermediate])).toBe(
      "serial_missing",
    );
    expect(outcome([replaced("serial", ""), intermediate])).toBe("serial_missing");
  });

  it.each([
    ["sip", Buffer.from("020101", "hex"), { sip: false }],
    ["kextsAllowed", Buffer.from("020103", "hex"), { kextsAllowed: true }],
    ["secureBoot", "Reduced Security", { secureBoot: "reduced" }],
    ["secureBoot", "Permissive Security", { secureBoot: "permissive" }],
  ] as const)("of %s in a weaker state is told as it is", (name, value, expected) => {
    expect(verify([replaced(name, value), intermediate])).toMatchObject({ type: "verified", device: expected });
  });

  it("and leaves blank is absent", () => {
    for (const name of ["sip", "secureBoot", "kextsAllowed", "udid", "osVersion"] as const) {
      const result = verify([replaced(name, ""), intermediate]);
      expect(result.type === "verified" && name in result.device).toBe(false);
      expect(result.type).toBe("verified");
    }
  });

  it.each([
    ["sip", Buffer.from("0101ff", "hex")],
    ["sip", Buffer.from("020102", "hex")],
    ["sip", Buffer.from("02020000", "hex")],
    ["sip", Buffer.from("02010000", "hex")],
    ["sip", "0"],
    ["kextsAllowed", Buffer.from("010100", "hex")],
    ["secureBoot", "full security"],
    ["secureBoot", "toString"],
    ["serial", Buffer.from("0c03414243", "hex")],
    ["serial", "A".repeat(129)],
    ["udid", Buffer.of(0xff, 0xfe)],
  ] as const)("of %s in another form is refused", (name, value) => {
    expect(outcome([replaced(name, value), intermediate])).toBe("bad_property");
  });
});
