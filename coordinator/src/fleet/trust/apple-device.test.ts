import { appleFreshness, verifyAppleDeviceChain } from "@hearth/attestation";
import { describe, expect, it } from "vitest";
// Not of the package's interface: nobody but tests makes certificates.
import { leafExtensions, statement, syntheticCa, TEST_NOW } from "../../../../attestation/src/testing/device-chain.js";
import { deviceVerdictOf } from "./apple-device.js";

const FRESHNESS = appleFreshness(new Uint8Array(65).fill(4));
const ca = syntheticCa(FRESHNESS);
const SIP = "1.2.840.113635.100.8.13.1";
const SECURE_BOOT = "1.2.840.113635.100.8.13.2";

type Extensions = ReturnType<typeof leafExtensions>;

function verdictOn(extensions: Extensions, now: number = TEST_NOW) {
  const certificates = [ca.leaf({ extensions }), ca.intermediate()];
  return deviceVerdictOf(
    verifyAppleDeviceChain({ certificates, expectedFreshness: FRESHNESS, now, root: ca.freshRoot() }),
  );
}

const leaf = leafExtensions(FRESHNESS);
const without = (oid: string): Extensions => leaf.filter(({ extnID }) => extnID !== oid);

describe("what Apple says of a device", () => {
  it("counts when it names the device and says that its protection is on", () => {
    expect(verdictOn(leaf)).toMatchObject({ type: "verified", serial: "C02TEST1234" });
  });

  it.each<[string, Extensions]>([
    ["SIP is off", [...without(SIP), statement("sip", Buffer.from("020101", "hex"))]],
    ["Secure Boot is reduced", [...without(SECURE_BOOT), statement("secureBoot", "Reduced Security")]],
    ["Secure Boot is off", [...without(SECURE_BOOT), statement("secureBoot", "Permissive Security")]],
    ["nothing of SIP", without(SIP)],
    ["nothing of Secure Boot", without(SECURE_BOOT)],
  ])("lifts nobody when it says %s, whatever the machine says itself", (_name, extensions) => {
    expect(verdictOn(extensions)).toEqual({ type: "unprotected" });
  });

  it("lifts nobody, and is no cheat's, when it has expired or was made for another key of the device", () => {
    expect(verdictOn(leaf, Date.UTC(2040, 0))).toEqual({ type: "expired" });
    expect(verdictOn(leafExtensions(new Uint8Array(32)))).toEqual({ type: "expired" });
  });
});
