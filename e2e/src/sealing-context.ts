import { defaultPrimitives } from "#default-primitives";
import { type Binding, bindingBytes, ChunkAad } from "./binding.js";
import { concat, utf8 } from "./bytes.js";
import { ChunkOpener } from "./chunk-opener.js";
import { ChunkSealer, type StreamKeys } from "./chunk-sealer.js";
import { E2eError } from "./error.js";
import { decapsulate, encapsulate, exportSecret, keySchedule, keyScheduleFor } from "./hpke.js";
import { type EncryptionKeyPair, keyIdOf } from "./key-pair.js";
import { AEAD_KEY_BYTES, NONCE_BYTES, type PreparedPublicKey, type Primitives } from "./primitives.js";
import type { Padding } from "./record.js";
import type { AttemptSealer, RequestOpener } from "./sealed-request.js";
import { type ResponseBasis, ResponseOpenerStream, ResponseSealerStream } from "./sealed-response.js";

const CONTEXT_INFO = utf8("hearth/e2e/2 context");
const REQUEST_LABEL = utf8("hearth/e2e/2 request");
const RESPONSE_LABEL = utf8("hearth/e2e/2 response");
const scheduleContext = keyScheduleFor(CONTEXT_INFO);

/** Attempts under one context at most: what is remembered of them, so that none comes twice, stays small. */
export const MAX_ATTEMPTS_PER_CONTEXT = 65_536;

/** Options of both ends of a context. */
export interface ContextOptions {
  readonly primitives?: Primitives | undefined;
  /** Padding of what this end seals; the other end chooses its own. */
  readonly padding?: Padding | undefined;
}

/**
 * The sending end of an HPKE context that many attempts share: the X25519 work is done once, and each attempt's keys
 * are exported from it (RFC 9180 §5.3) under that attempt's ids. Disposing it erases the exporter; attempts that have
 * begun keep their keys.
 */
export interface SealingContext extends Disposable {
  /** Names the context: the key id of its encapsulated key. */
  readonly contextId: string;
  /** 32 bytes that the provider needs; they travel in the clear. */
  readonly encapsulatedKey: Uint8Array;
  /** It takes no more attempts: another context is to be made. */
  readonly spent: boolean;
  /** @throws E2eError `attempt_repeated`, `context_retired`, `invalid_binding` */
  attempt(binding: Binding): AttemptSealer;
}

/** The receiving end of such a context. */
export interface OpeningContext extends Disposable {
  /** @throws E2eError `attempt_repeated`, `context_retired`, `invalid_binding` */
  attempt(binding: Binding): RequestOpener;
}

/**
 * Sets up a context to one provider under a fresh ephemeral key.
 *
 * @throws E2eError `invalid_key` for a key of the wrong length or of low order
 */
export function createSealingContext(
  publicKey: Uint8Array | PreparedPublicKey,
  options: ContextOptions = {},
): SealingContext {
  const { primitives = defaultPrimitives, padding = "buckets" } = options;
  const recipient = "bytes" in publicKey ? publicKey : primitives.preparePublicKey(publicKey);
  const { sharedSecret, encapsulatedKey } = encapsulate(primitives, recipient, primitives.generatePrivateKey());
  const exporter = new AttemptExporter(primitives, sharedSecret, encapsulatedKey);
  return {
    contextId: keyIdOf(encapsulatedKey, primitives),
    encapsulatedKey,
    get spent(): boolean {
      return exporter.spent;
    },
    attempt(binding) {
      const { request, response } = exporter.export(binding);
      const chunks = new ChunkSealer(primitives, request, new ChunkAad(binding, "request"), { padding });
      return {
        seal: (plaintext, final, headroomBytes = 0) => chunks.seal(plaintext, final, headroomBytes, 0),
        response: new ResponseOpenerStream(response),
      };
    },
    [Symbol.dispose]: () => exporter.erase(),
  };
}

/**
 * Sets up the other end. Whether it was meant for this key shows at the first chunk of an attempt.
 *
 * @throws E2eError `invalid_key` for an encapsulated key of the wrong length or of low order, `key_erased`
 */
export function createOpeningContext(
  keyPair: EncryptionKeyPair,
  encapsulatedKey: Uint8Array,
  options: ContextOptions = {},
): OpeningContext {
  const { primitives = defaultPrimitives, padding = "buckets" } = options;
  const enc = Uint8Array.from(encapsulatedKey);
  const exporter = new AttemptExporter(primitives, decapsulate(primitives, enc, keyPair.privateKey), enc);
  return {
    attempt(binding) {
      const { request, response } = exporter.export(binding);
      const chunks = new ChunkOpener(primitives, request, new ChunkAad(binding, "request"));
      return {
        open: (ciphertext, seq, final) => chunks.open(ciphertext, seq, final, 0),
        get finished(): boolean {
          return chunks.finished;
        },
        response: new ResponseSealerStream(response, padding),
      };
    },
    [Symbol.dispose]: () => exporter.erase(),
  };
}

/** What one attempt gets of its context. */
interface AttemptSecrets {
  readonly request: StreamKeys;
  readonly response: ResponseBasis;
}

/** Exports the keys of each attempt once. */
class AttemptExporter {
  readonly #primitives: Primitives;
  readonly #encapsulatedKey: Uint8Array;
  readonly #exporterSecret: Uint8Array;
  readonly #attempts = new Set<string>();
  #erased = false;

  /** Wipes the shared secret. */
  constructor(primitives: Primitives, sharedSecret: Uint8Array, encapsulatedKey: Uint8Array) {
    const context = keySchedule(primitives, sharedSecret, scheduleContext(primitives));
    // Nothing is sealed under the context itself.
    context.key.fill(0);
    this.#primitives = primitives;
    this.#encapsulatedKey = encapsulatedKey;
    this.#exporterSecret = context.exporterSecret;
  }

  get spent(): boolean {
    return this.#erased || this.#attempts.size >= MAX_ATTEMPTS_PER_CONTEXT;
  }

  export(binding: Binding): AttemptSecrets {
    const ids = bindingBytes(binding);
    if (this.spent) throw new E2eError("context_retired", "the context takes no more attempts");
    // Twice the same keys would be twice the same nonces.
    if (this.#attempts.has(binding.attemptId)) throw new E2eError("attempt_repeated", "the attempt has its keys");
    this.#attempts.add(binding.attemptId);
    const derive = (label: Uint8Array, length: number): Uint8Array =>
      exportSecret(this.#primitives, this.#exporterSecret, concat(label, ids), length);
    const keys = derive(REQUEST_LABEL, AEAD_KEY_BYTES + NONCE_BYTES);
    return {
      request: { key: keys.subarray(0, AEAD_KEY_BYTES), baseNonce: keys.subarray(AEAD_KEY_BYTES) },
      response: {
        primitives: this.#primitives,
        secret: derive(RESPONSE_LABEL, AEAD_KEY_BYTES),
        encapsulatedKey: this.#encapsulatedKey,
        binding,
      },
    };
  }

  erase(): void {
    this.#erased = true;
    this.#exporterSecret.fill(0);
    this.#attempts.clear();
  }
}
