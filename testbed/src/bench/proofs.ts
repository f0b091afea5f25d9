import { randomBytes } from "node:crypto";
import {
  answerChallenge,
  identityOf,
  issueAttestation,
  newSoftwareKey,
  type Posture,
  softwareSigner,
  type Verifier,
  verifierOf,
  verifyAttestation,
  verifyChallengeAnswer,
} from "@hearth/attestation";
import { p256 } from "@noble/curves/nist.js";
import { cpuOf } from "./cpu-of.js";
import { benchReceipts } from "./receipts.js";
import { figure, markdownTable } from "./table.js";

const NOW = 1_700_000_000_000;
const VERSION = "1.0.0";
const HASH = "a".repeat(64);
const POSTURE: Posture = {
  sip: true,
  secure_boot: true,
  filevault: true,
  hypervisor: false,
  binary_hash: HASH,
  os_version: "15.1",
  chip: "Apple M4",
};

/** Prints what proofs cost whoever checks them, µs of CPU, beside the signatures alone in another implementation. */
export async function benchProofs(print: (text: string) => void): Promise<void> {
  const operations = await prepare();
  const rows = operations.map(({ name, signatures, run }) => [
    name,
    figure(cpuOf(run), 1),
    figure(
      cpuOf(() => noble(signatures)),
      1,
    ),
  ]);
  print(markdownTable(["CPU µs", "node:crypto", "its signatures in noble"], rows));
  print("");
  await benchReceipts(print);
}

interface Signed {
  readonly blob: Uint8Array;
  readonly signature: Uint8Array;
}

interface Operation {
  readonly name: string;
  readonly signatures: readonly Signed[];
  readonly run: () => void;
}

const signer = softwareSigner(newSoftwareKey());

function noble(signatures: readonly Signed[]): void {
  for (const { blob, signature } of signatures) {
    if (!p256.verify(signature, blob, signer.publicKey)) throw new Error("a signature does not verify");
  }
}

async function prepare(): Promise<readonly Operation[]> {
  const key = { keyId: "k", publicKey: randomBytes(32) };
  const challenge = randomBytes(32);
  const facts = { agentVersion: VERSION, posture: POSTURE, nowMs: NOW };
  const attestation = await issueAttestation(signer, {
    ...facts,
    encryptionKey: key,
    serialHash: null,
    nonce: randomBytes(16),
  });
  const answer = await answerChallenge(signer, { ...facts, challenge, encryptionKey: key.publicKey });
  const known = verifierOf(signer.publicKey) as Verifier;
  const claims = {
    identity: identityOf(signer.publicKey),
    identityKey: signer.publicKey,
    encryptionKey: { keyId: "k", publicKey: key.publicKey.toString("base64url") },
    agentVersion: VERSION,
    nowMs: NOW,
  };
  const held = (type: string): void => {
    if (type !== "ok") throw new Error("a proof does not hold");
  };
  const answered = (verifier: Verifier): void =>
    held(
      verifyChallengeAnswer(answer, {
        verifier,
        challenge,
        encryptionKey: key.publicKey,
        agentVersion: VERSION,
        nowMs: NOW,
      }).type,
    );
  return [
    {
      name: "handshake of one provider (key, attestation, answer to the challenge)",
      signatures: [attestation, answer],
      run() {
        const verdict = verifyAttestation(attestation, claims);
        held(verdict.type);
        if (verdict.type === "ok") answered(verdict.value.verifier);
      },
    },
    { name: "answer to a later challenge", signatures: [answer], run: () => answered(known) },
  ];
}
