import { defaultPrimitives } from "#default-primitives";
import { type Binding, ChunkAad } from "./binding.js";
import { utf8 } from "./bytes.js";
import { ChunkOpener } from "./chunk-opener.js";
import { ChunkSealer } from "./chunk-sealer.js";
import { decapsulate, encapsulate, exportSecret, type HpkeContext, keySchedule, keyScheduleFor } from "./hpke.js";
import type { EncryptionKeyPair } from "./key-pair.js";
import { AEAD_KEY_BYTES, type PreparedPublicKey, type Primitives } from "./primitives.js";
import type { Padding } from "./record.js";
import {
  type ResponseOpener,
  ResponseOpenerStream,
  type ResponseSealer,
  ResponseSealerStream,
} from "./sealed-response.js";

const REQUEST_INFO = utf8("hearth/e2e/1 request");
const RESPONSE_LABEL = utf8("hearth/e2e/1 response");
const scheduleContext = keyScheduleFor(REQUEST_INFO);

/** Options of `sealRequest`. */
export interface SealRequestOptions {
  /** The provider's key. Prepare it once (`preparePublicKey`) when it serves many requests. */
  readonly publicKey: Uint8Array | PreparedPublicKey;
  readonly binding: Binding;
  readonly primitives?: Primitives | undefined;
  /** Padding of the request; the provider chooses that of the response. */
  readonly padding?: Padding | undefined;
}

/** The sending end of one attempt. */
export interface AttemptSealer {
  /**
   * Seals the next chunk of the body.
   *
   * @param headroomBytes zero bytes to leave in front, for a frame header
   * @throws E2eError `already_finished`, `too_large`, `invalid_argument`, `sequence_exhausted`
   */
  seal(plaintext: Uint8Array, final: boolean, headroomBytes?: number): Uint8Array;
  readonly response: ResponseOpener;
}

/** The sending end of one attempt that has an HPKE context of its own. */
export interface RequestSealer extends AttemptSealer {
  /** 32 bytes that the provider needs to open the request; they travel in the clear. */
  readonly encapsulatedKey: Uint8Array;
}

/** Options of `openRequest`. */
export interface OpenRequestOptions {
  readonly keyPair: EncryptionKeyPair;
  readonly encapsulatedKey: Uint8Array;
  readonly binding: Binding;
  readonly primitives?: Primitives | undefined;
  /** Padding of the response; a request is read either way. */
  readonly padding?: Padding | undefined;
}

/** The provider's end of one attempt. */
export interface RequestOpener {
  /**
   * Opens the next chunk of the body.
   *
   * @returns the plaintext, in memory of its own
   * @throws E2eError `out_of_sequence`, `open_failed`, `malformed_record`, `too_large`, all of which end the stream;
   * then `already_failed`; `already_finished` after the final chunk
   */
  open(ciphertext: Uint8Array, seq: number, final: boolean): Uint8Array;
  /** The final chunk was opened. A body that ends before was cut short. */
  readonly finished: boolean;
  readonly response: ResponseSealer;
}

/**
 * Starts a sealed request to one provider under a fresh ephemeral key. Call it once an attempt: two attempts of one
 * request share nothing.
 *
 * @throws E2eError `invalid_key` for a key of the wrong length or of low order, `invalid_binding`
 */
export function sealRequest(options: SealRequestOptions): RequestSealer {
  const { publicKey, binding, primitives = defaultPrimitives, padding = "buckets" } = options;
  const aad = new ChunkAad(binding, "request");
  const recipient = "bytes" in publicKey ? publicKey : primitives.preparePublicKey(publicKey);
  const { sharedSecret, encapsulatedKey } = encapsulate(primitives, recipient, primitives.generatePrivateKey());
  const context = keySchedule(primitives, sharedSecret, scheduleContext(primitives));
  const chunks = new ChunkSealer(primitives, context, aad, { padding });
  const secret = responseSecret(primitives, context);
  return {
    encapsulatedKey,
    seal: (plaintext, final, headroomBytes = 0) => chunks.seal(plaintext, final, headroomBytes, 0),
    response: new ResponseOpenerStream({ primitives, secret, encapsulatedKey, binding }),
  };
}

/**
 * Starts opening a sealed request. Whether the request was meant for this key and binding shows at its first chunk.
 *
 * @throws E2eError `invalid_key` for an encapsulated key of the wrong length or of low order, `key_erased`,
 * `invalid_binding`
 */
export function openRequest(options: OpenRequestOptions): RequestOpener {
  const { keyPair, binding, primitives = defaultPrimitives, padding = "buckets" } = options;
  const aad = new ChunkAad(binding, "request");
  const encapsulatedKey = Uint8Array.from(options.encapsulatedKey);
  const sharedSecret = decapsulate(primitives, encapsulatedKey, keyPair.privateKey);
  const context = keySchedule(primitives, sharedSecret, scheduleContext(primitives));
  const chunks = new ChunkOpener(primitives, context, aad);
  const secret = responseSecret(primitives, context);
  return {
    open: (ciphertext, seq, final) => chunks.open(ciphertext, seq, final, 0),
    get finished(): boolean {
      return chunks.finished;
    },
    response: new ResponseSealerStream({ primitives, secret, encapsulatedKey, binding }, padding),
  };
}

/** Wipes the exporter secret: nothing else is exported from the context of a single request. */
function responseSecret(primitives: Primitives, { exporterSecret }: HpkeContext): Uint8Array {
  const secret = exportSecret(primitives, exporterSecret, RESPONSE_LABEL, AEAD_KEY_BYTES);
  exporterSecret.fill(0);
  return secret;
}
