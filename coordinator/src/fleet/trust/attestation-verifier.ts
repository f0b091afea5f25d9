import { createHash } from "node:crypto";
import {
  type Attestation,
  CLOCK_WINDOW_MS,
  type ProofFailure,
  type SignedBlob,
  serialHash,
  type Verdict,
  type Verifier,
  verifyAttestation,
} from "@hearth/attestation";
import type { Clock } from "@hearth/platform";
import type { AttestationProof } from "@hearth/protocol";
import { NonceWindow } from "./nonce-window.js";

/** What a machine has proved about itself. */
export interface Proof {
  readonly verifier: Verifier;
  readonly content: Attestation;
  readonly signed: SignedBlob;
  /** SHA-256 of the signed bytes, hex: the proof's name in receipts. */
  readonly hash: string;
  /** Until when Apple vouches for the device, wall-clock ms; `undefined` = there is no valid chain. */
  readonly deviceUntilMs: number | undefined;
}

/** What the frame around an attestation says. */
export interface ProofClaims {
  readonly identity: string;
  readonly encryptionKey: { readonly keyId: string; readonly publicKey: string };
  readonly agentVersion: string;
}

export type DeviceVerdict =
  | { readonly type: "verified"; readonly serial: string; readonly expiresAtMs: number }
  /** Valid once, or made for another key of this device: no reason for distrust, and none for trust in the hardware. */
  | { readonly type: "expired" }
  /** Valid, but does not say that the device's protection was on. */
  | { readonly type: "unprotected" }
  | { readonly type: "rejected" };

/**
 * Checks a chain of device certificates, the device's first.
 *
 * @param identityKey what the chain must have been issued for
 */
export type VerifyDevice = (
  certificates: readonly Uint8Array[],
  identityKey: Uint8Array,
  nowMs: number,
) => DeviceVerdict;

/** Checks attestations, each of which counts once. */
export class AttestationVerifier {
  readonly #clock: Clock;
  readonly #verifyDevice: VerifyDevice;
  readonly #nonces: NonceWindow;

  constructor(clock: Clock, verifyDevice: VerifyDevice) {
    this.#clock = clock;
    this.#verifyDevice = verifyDevice;
    this.#nonces = new NonceWindow(clock, 2 * CLOCK_WINDOW_MS + 1_000);
  }

  get wallTime(): number {
    return this.#clock.wallTime();
  }

  check(claims: ProofClaims, proof: AttestationProof): Verdict<Proof> {
    const signed = { blob: bytesOf(proof.blob), signature: bytesOf(proof.signature) };
    const identityKey = bytesOf(proof.identity_key);
    const verdict = verifyAttestation(signed, { ...claims, identityKey, nowMs: this.wallTime });
    if (verdict.type === "failed") return verdict;
    const { content, verifier } = verdict.value;
    const device = this.#device(proof, content, identityKey);
    if (typeof device === "string") return { type: "failed", failure: device };
    // Checked last, so that a proof that fails for another reason does not use up its nonce.
    if (!this.#nonces.use(`${claims.identity} ${content.nonce}`)) return { type: "failed", failure: "replayed" };
    const hash = createHash("sha256").update(signed.blob).digest("hex");
    return { type: "ok", value: { verifier, content, signed, hash, deviceUntilMs: device?.untilMs } };
  }

  #device(
    { serial, certificates }: AttestationProof,
    { serial_hash: committed }: Attestation,
    identityKey: Uint8Array,
  ): { readonly untilMs: number } | ProofFailure | undefined {
    // The serial itself must be shown: its hash is public, and could be copied to be chosen in that device's name.
    const shown = serial === undefined ? null : serialHash(serial.value, bytesOf(serial.salt));
    if (shown !== committed) return "serial_mismatch";
    if (certificates === undefined || certificates.length === 0) return undefined;
    const device = this.#verifyDevice(certificates.map(bytesOf), identityKey, this.wallTime);
    switch (device.type) {
      case "rejected":
        return "bad_chain";
      case "expired":
      case "unprotected":
        return undefined;
      case "verified":
        return device.serial === serial?.value ? { untilMs: device.expiresAtMs } : "serial_mismatch";
    }
  }
}

/** In memory of its own: what is kept of a proof as long as its machine is here would hold 8 KiB of Node's pool instead. */
export function bytesOf(base64url: string): Uint8Array {
  return new Uint8Array(Buffer.from(base64url, "base64url"));
}
