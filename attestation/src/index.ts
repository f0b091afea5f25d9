export {
  APPLE_ROOT_FINGERPRINT,
  type AppleDevice,
  type AppleDeviceChain,
  type AppleDeviceProperties,
  type AppleDeviceResult,
  type AppleRejectionReason,
  type AppleRoot,
  appleFreshness,
  appleRootOf,
  isSerialOf,
  verifyAppleDeviceChain,
} from "./apple/index.js";
export { type ChallengeSubject, challengeNonce, identityOf, serialHash } from "./challenge.js";
export { fingerprintOf } from "./identity-fingerprint.js";
export type { IdentitySigner } from "./identity-signer.js";
export {
  type AnswerFacts,
  type AttestationFacts,
  answerChallenge,
  issueAttestation,
  issueReceipt,
  issueReceiptBatch,
  receiptEntry,
} from "./issue.js";
export { HASH_BYTES, type Inclusion, leafHash, MerkleTree, rootOf } from "./merkle.js";
export {
  IDENTITY_KEY_BYTES,
  SIGNATURE_BYTES,
  type Verifier,
  verifierOf,
  verifySignature,
  withLowS,
} from "./p256.js";
export { derToP1363, isLowS } from "./signature-form.js";
export {
  type Attestation,
  attestationSchema,
  type BatchedReceipt,
  batchedReceiptSchema,
  MAX_BATCH_BLOB_BYTES,
  MAX_BATCH_RECEIPTS,
  MAX_BLOB_BYTES,
  MAX_PROOF_HASHES,
  type Posture,
  type PostureAnswer,
  postureAnswerSchema,
  postureSchema,
  type Receipt,
  type ReceiptBatch,
  type ReceiptFacts,
  readBlob,
  receiptBatchSchema,
  receiptSchema,
  type SignedBlob,
  type SingleReceipt,
  singleReceiptSchema,
  writeBlob,
} from "./signed-blob.js";
export {
  type BatchProof,
  type EntryText,
  entryOf,
  entryText,
  readBatchProof,
  type SignedEntry,
  type SignedReceipt,
  writeBatchProof,
} from "./signed-receipt.js";
export { newSoftwareKey, softwareSigner } from "./software-signer.js";
export {
  type AttestationClaims,
  BatchVerifier,
  type ChallengeClaims,
  CLOCK_WINDOW_MS,
  type ProofFailure,
  postureWeakness,
  type Verdict,
  type VerifiedAttestation,
  verifyAttestation,
  verifyChallengeAnswer,
  verifyReceipt,
} from "./verify.js";
export {
  type Check,
  type Finding,
  UnknownDocumentError,
  verifyDocument,
} from "./verify-document.js";
