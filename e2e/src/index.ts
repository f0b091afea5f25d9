export type { Binding } from "./binding.js";
export { E2eError, type E2eErrorCode } from "./error.js";
export { type EncryptionKeyPair, generateKeyPair, importKeyPair, keyIdOf, preparePublicKey } from "./key-pair.js";
export { type AnnouncedKey, type KeyLease, KeyRing } from "./key-ring.js";
export { MAX_OVERHEAD_BYTES } from "./overhead.js";
export type { PreparedPublicKey, Primitives, PrivateKeyHandle } from "./primitives.js";
export { MAX_CHUNK_BYTES, type Padding } from "./record.js";
export {
  type AttemptSealer,
  type OpenRequestOptions,
  openRequest,
  type RequestOpener,
  type RequestSealer,
  type SealRequestOptions,
  sealRequest,
} from "./sealed-request.js";
export type { ResponseOpener, ResponseSealer } from "./sealed-response.js";
export {
  type ContextOptions,
  createOpeningContext,
  createSealingContext,
  MAX_ATTEMPTS_PER_CONTEXT,
  type OpeningContext,
  type SealingContext,
} from "./sealing-context.js";
