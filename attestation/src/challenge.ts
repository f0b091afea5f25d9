import { createHash } from "node:crypto";

/** What a challenge is about: the machine and the key that it vouches for now. */
export interface ChallengeSubject {
  /** 65 bytes. */
  readonly identityKey: Uint8Array;
  /** 32 bytes. */
  readonly encryptionKey: Uint8Array;
  /** Version of the agent's program. */
  readonly agentVersion: string;
}

/**
 * What must stand in the answer to a challenge: SHA-256(challenge ‖ identity key ‖ encryption key ‖ version), the first
 * three of fixed length, as unpadded base64url.
 *
 * @param challenge 32 random bytes
 */
export function challengeNonce(challenge: Uint8Array, subject: ChallengeSubject): string {
  return createHash("sha256")
    .update(challenge)
    .update(subject.identityKey)
    .update(subject.encryptionKey)
    .update(subject.agentVersion, "utf8")
    .digest("base64url");
}

/** How a machine is named on the wire: SHA-256 of its identity key, as unpadded base64url. */
export function identityOf(identityKey: Uint8Array): string {
  return createHash("sha256").update(identityKey).digest("base64url");
}

/**
 * The public form of a device's serial: SHA-256(salt ‖ serial), as unpadded base64url.
 *
 * @param salt 16 random bytes that its owner keeps: serials are short enough to be tried one by one
 */
export function serialHash(serial: string, salt: Uint8Array): string {
  return createHash("sha256").update(salt).update(serial, "utf8").digest("base64url");
}
