import {
  attestationSchema,
  entryText,
  readBlob,
  receiptSchema,
  type SignedBlob,
  type SignedReceipt,
} from "@hearth/attestation";
import type { Clock } from "@hearth/platform";
import type { Proven, ProviderLink } from "../fleet/provider-link.js";
import { microUsdJson } from "../platform/micro-usd.js";
import { type CountedUsage, type KeptReceipt, readStored } from "../receipts/kept-receipt.js";

/**
 * What connected machines have proved, as anybody may check it again: the signed bytes, the keys, the challenge with its
 * answer. No serial is in it, only its salted hash, and no certificate, which would name the serial.
 */
export function listAttestations(links: Iterable<ProviderLink>, clock: Clock): object {
  return { object: "list", data: [...links].map((link) => describeProof(link, clock)) };
}

function describeProof(link: ProviderLink, clock: Clock): object {
  const { proven } = link;
  return {
    object: "provider.attestation",
    provider_id: link.id,
    trust_level: link.trust,
    agent_version: link.agentVersion,
    chip: link.hardware.chip ?? null,
    encryption_key: {
      key_id: link.encryptionKey.keyId,
      public_key: base64url(link.encryptionKey.publicKey.bytes),
    },
    models: [...link.models.values()].map(({ id, weights_hash: weights, template_hash: template }) => ({
      id,
      weights_hash: weights ?? null,
      template_hash: template ?? null,
      runtime_verified: !link.runtimeUnverified(id),
    })),
    attestation: proven === undefined ? null : signedForm(proven.proof.signed, proven.proof.verifier.publicKey),
    challenge: proven === undefined ? null : challengeForm(proven.passed),
    serial_hash: link.serialHash === "" ? null : link.serialHash,
    fresh_for_ms: proven === undefined ? null : Math.max(0, Math.round(proven.freshUntil - clock.now())),
  };
}

/**
 * A receipt, with the attestation that vouches for the key that signed it: enough to verify both without us. What counts
 * of it stands beside what was signed, where the two differ, and what it has cost.
 */
export function describeReceipt({ receipt, attestation }: KeptReceipt): object {
  const stored = readStored(receipt);
  return {
    object: "receipt",
    request_id: receipt.requestId,
    provider_id: receipt.providerId,
    created_at: Math.floor(receipt.createdAtMs / 1000),
    receipt: {
      ...(stored === undefined ? textOf(receipt) : receiptText(stored.signed)),
      content: readBlob(receiptSchema, receipt.blob) ?? null,
    },
    counted: stored?.counted === undefined ? null : countedForm(stored.counted),
    ...(stored?.cost === undefined ? {} : { cost_micro_usd: microUsdJson(stored.cost) }),
    attestation: {
      ...signedForm(attestation, attestation.identityKey),
      content: readBlob(attestationSchema, attestation.blob) ?? null,
    },
  };
}

function receiptText(signed: SignedReceipt): object {
  return "batch" in signed ? entryText(signed) : textOf(signed);
}

function countedForm({ usage, clamped }: CountedUsage): object {
  return { usage, reason: "more_than_possible", members: clamped };
}

function challengeForm({ challenge, encryptionKey, signed }: Proven["passed"]): object {
  return { challenge, encryption_key: encryptionKey, ...textOf(signed) };
}

function signedForm(signed: SignedBlob, identityKey: Uint8Array): object {
  return { ...textOf(signed), identity_key: base64url(identityKey) };
}

function textOf({ blob, signature }: SignedBlob): { readonly blob: string; readonly signature: string } {
  return { blob: base64url(blob), signature: base64url(signature) };
}

function base64url(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString("base64url");
}
