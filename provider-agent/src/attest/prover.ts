import {
  answerChallenge,
  type IdentitySigner,
  identityOf,
  issueAttestation,
  type Posture,
  type SignedBlob,
  serialHash,
} from "@hearth/attestation";
import type { AnnouncedKey } from "@hearth/e2e";
import { randomText } from "@hearth/platform";
import type { AttestationProof, ChallengeResponseFrame, SignedBlobText } from "@hearth/protocol";

/** What a machine may show beside its own word. */
export interface DeviceEvidence {
  readonly serial: string;
  /** 16 bytes, always the same on this machine. */
  readonly salt: Uint8Array;
  /** DER certificates, the device's first; may be empty. */
  readonly certificates: readonly Uint8Array[];
}

export interface ProverDeps {
  readonly signer: IdentitySigner;
  /** Read anew for each proof. */
  readonly posture: () => Promise<Posture>;
  readonly agentVersion: string;
  readonly evidence: DeviceEvidence | undefined;
  readonly wallTime: () => number;
}

/** Says, signed, what this machine is. */
export class Prover {
  readonly #deps: ProverDeps;
  /** How the machine is named at registration. */
  readonly identity: string;

  constructor(deps: ProverDeps) {
    this.#deps = deps;
    this.identity = identityOf(deps.signer.publicKey);
  }

  /** Binds an encryption key to this machine. */
  async attest(key: AnnouncedKey): Promise<AttestationProof> {
    const { signer, agentVersion, evidence, wallTime, posture } = this.#deps;
    const signed = await issueAttestation(signer, {
      encryptionKey: key,
      agentVersion,
      serialHash: evidence === undefined ? null : serialHash(evidence.serial, evidence.salt),
      posture: await posture(),
      nonce: Buffer.from(randomText(16), "base64url"),
      nowMs: wallTime(),
    });
    return { ...textOf(signed), identity_key: base64url(signer.publicKey), ...evidenceForm(evidence) };
  }

  /** @param key the one that was announced last to the coordinator that challenges */
  async answer(challenge: string, key: AnnouncedKey): Promise<ChallengeResponseFrame> {
    const { signer, agentVersion, wallTime, posture } = this.#deps;
    const signed = await answerChallenge(signer, {
      challenge: Buffer.from(challenge, "base64url"),
      encryptionKey: key.publicKey,
      agentVersion,
      posture: await posture(),
      nowMs: wallTime(),
    });
    return { type: "challenge_response", challenge, ...textOf(signed) };
  }
}

function evidenceForm(evidence: DeviceEvidence | undefined): Partial<AttestationProof> {
  if (evidence === undefined) return {};
  const { serial: value, salt, certificates } = evidence;
  const serial = { value, salt: base64url(salt) };
  return certificates.length === 0 ? { serial } : { serial, certificates: certificates.map(base64url) };
}

export function textOf({ blob, signature }: SignedBlob): SignedBlobText {
  return { blob: base64url(blob), signature: base64url(signature) };
}

const base64url = (bytes: Uint8Array): string => Buffer.from(bytes).toString("base64url");
