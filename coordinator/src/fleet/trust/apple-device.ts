import {
  type AppleDeviceResult,
  type AppleRejectionReason,
  appleFreshness,
  verifyAppleDeviceChain,
} from "@hearth/attestation";
import type { DeviceVerdict, VerifyDevice } from "./attestation-verifier.js";

/**
 * What holds no more, or not yet: Apple issues about one certificate in seven days, so that an honest machine with a new
 * identity key may have to show the one that was made for its last.
 */
const LAPSED: ReadonlySet<AppleRejectionReason> = new Set(["expired", "freshness_mismatch"]);

/**
 * What Apple's statements about a device are worth. Apple says itself whether System Integrity Protection and Secure
 * Boot were on, which a machine's own word cannot replace; where it says nothing of them, it is no Mac that could
 * protect a prompt.
 */
export function deviceVerdictOf(result: AppleDeviceResult): DeviceVerdict {
  if (result.type === "rejected") return { type: LAPSED.has(result.reason) ? "expired" : "rejected" };
  const { device, expiresAt } = result;
  if (device.sip !== true || device.secureBoot !== "full") return { type: "unprotected" };
  return { type: "verified", serial: device.serial, expiresAtMs: expiresAt };
}

/** Asks Apple's pinned root. */
export const verifyAppleDevice: VerifyDevice = (certificates, identityKey, now) =>
  deviceVerdictOf(verifyAppleDeviceChain({ certificates, expectedFreshness: appleFreshness(identityKey), now }));
