import { createHash, randomBytes } from "node:crypto";
import {
  type AttestationFacts,
  answerChallenge,
  entryText,
  type IdentitySigner,
  identityOf,
  issueAttestation,
  issueReceiptBatch,
  newSoftwareKey,
  type Posture,
  type ReceiptFacts,
  receiptEntry,
  type SignedBlob,
  softwareSigner,
} from "@hearth/attestation";
import type { AttestationProof, ChallengeResponseFrame, ReceiptText, SignedBlobText } from "@hearth/protocol";

/** What nobody could object to. */
export const GOOD_POSTURE: Posture = {
  sip: true,
  secure_boot: true,
  filevault: true,
  hypervisor: false,
  binary_hash: createHash("sha256").update("the agent").digest("hex"),
  os_version: "test 1",
  chip: "test chip",
};

export interface MachineKey {
  readonly keyId: string;
  readonly publicKey: Uint8Array;
}

/** A machine with an identity key of its own, that proves whatever a test asks it to prove. */
export class AttestingMachine {
  readonly signer: IdentitySigner;
  readonly identity: string;
  posture: Posture = GOOD_POSTURE;
  version = "1.0.0";

  constructor(signer: IdentitySigner = softwareSigner(newSoftwareKey())) {
    this.signer = signer;
    this.identity = identityOf(signer.publicKey);
  }

  async attest(key: MachineKey, changes: Partial<AttestationFacts> = {}): Promise<AttestationProof> {
    const signed = await issueAttestation(this.signer, {
      encryptionKey: key,
      agentVersion: this.version,
      serialHash: null,
      posture: this.posture,
      nonce: randomBytes(16),
      nowMs: Date.now(),
      ...changes,
    });
    return { ...wire(signed), identity_key: Buffer.from(this.signer.publicKey).toString("base64url") };
  }

  async answer(challenge: string, key: MachineKey, nowMs: number = Date.now()): Promise<ChallengeResponseFrame> {
    const signed = await answerChallenge(this.signer, {
      challenge: Buffer.from(challenge, "base64url"),
      encryptionKey: key.publicKey,
      agentVersion: this.version,
      posture: this.posture,
      nowMs,
    });
    return { type: "challenge_response", challenge, ...wire(signed) };
  }

  /** A receipt, signed for in a batch of one. */
  async receipt(facts: ReceiptFacts): Promise<ReceiptText> {
    const [receipt] = await this.receipts([facts]);
    return receipt as ReceiptText;
  }

  /** Receipts that share one signature. */
  async receipts(facts: readonly ReceiptFacts[]): Promise<readonly ReceiptText[]> {
    const entries = facts.map((each) => receiptEntry(each, randomBytes(16)));
    return (await issueReceiptBatch(this.signer, entries, Date.now())).map(entryText);
  }
}

function wire({ blob, signature }: SignedBlob): SignedBlobText {
  return { blob: Buffer.from(blob).toString("base64url"), signature: Buffer.from(signature).toString("base64url") };
}
