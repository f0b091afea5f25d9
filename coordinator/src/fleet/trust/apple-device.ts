import {
  type AppleDeviceResult,
  type AppleRejectionReason,
  appleFreshness,
  verifyAppleDeviceChain,
} from "@hearth/attestation";
import type { DeviceVerdict, VerifyDevice } from "./attestation-verifier.js";

/**
 * Reasons that do not speak against a machine: Apple issues about one certificate in seven days, so an honest machine
 * with a new identity key may have only the certificate that was made for its last one.
 */
const LAPSED: ReadonlySet<AppleRejectionReason> = new Set(["expired", "freshness_mismatch"]);

/**
 * What Apple's statements about a device are worth. Apple says whether System Integrity Protection and Secure Boot were
 * on, for which a machine's own word is no substitute. If it says nothing of them, the device is no Mac that could
 * protect a prompt.
 */
export function deviceVerdictOf(result: AppleDeviceResult): DeviceVerdict {
  if (result.type === "rejected") return { type: LAPSED.has(result.reason) ? "expired" : "rejected" };
  const { device, expiresAt } = result;
  if (device.sip !== true || device.secureBoot !== "full") return { type: "unprotected" };
  return { type: "verified", serial: device.serial, expiresAtMs: expiresAt };
}

/** Verifies against Apple's pinned root certificate. */
export const verifyAppleDevice: VerifyDevice = (certificates, identityKey, now) =>
  deviceVerdictOf(verifyAppleDeviceChain({ certificates, expectedFreshness: appleFreshness(identityKey), now }));
