import { concat, utf8 } from "./bytes.js";
import { E2eError } from "./error.js";
import { expand, extract } from "./hkdf.js";
import {
  AEAD_KEY_BYTES,
  HASH_BYTES,
  KEY_BYTES,
  NONCE_BYTES,
  type PreparedPublicKey,
  type Primitives,
  type PrivateKeyHandle,
} from "./primitives.js";

// RFC 9180 in base mode with DHKEM(X25519, HKDF-SHA256) = 0x0020, HKDF-SHA256 = 0x0001, ChaCha20Poly1305 = 0x0003.

const VERSION = utf8("HPKE-v1");
const KEM_SUITE = concat(utf8("KEM"), Uint8Array.of(0x00, 0x20));
const SUITE = concat(utf8("HPKE"), Uint8Array.of(0x00, 0x20, 0x00, 0x01, 0x00, 0x03));
const MODE_BASE = Uint8Array.of(0);
const EMPTY = new Uint8Array(0);

/** The front of the labelled input of RFC 9180 §4, computed once a label. */
function extractLabel(suite: Uint8Array, label: string): Uint8Array {
  return concat(VERSION, suite, utf8(label));
}

function expandLabel(suite: Uint8Array, label: string, length: number): Uint8Array {
  return concat(Uint8Array.of(length >>> 8, length), VERSION, suite, utf8(label));
}

const EAE_PRK = extractLabel(KEM_SUITE, "eae_prk");
const SHARED_SECRET = expandLabel(KEM_SUITE, "shared_secret", HASH_BYTES);
const PSK_ID_HASH = extractLabel(SUITE, "psk_id_hash");
const INFO_HASH = extractLabel(SUITE, "info_hash");
const SECRET = extractLabel(SUITE, "secret");
const KEY = expandLabel(SUITE, "key", AEAD_KEY_BYTES);
const BASE_NONCE = expandLabel(SUITE, "base_nonce", NONCE_BYTES);
const EXPORTER = expandLabel(SUITE, "exp", HASH_BYTES);

/** What both ends hold after set-up. */
export interface HpkeContext {
  readonly key: Uint8Array;
  readonly baseNonce: Uint8Array;
  readonly exporterSecret: Uint8Array;
}

/** The sender's half of the KEM. */
export interface Encapsulation {
  /** The caller's to wipe. */
  readonly sharedSecret: Uint8Array;
  /** 32 bytes, sent in the clear. */
  readonly encapsulatedKey: Uint8Array;
}

/**
 * `Encap` of RFC 9180 §4.1; erases `ephemeral`.
 *
 * @throws E2eError `invalid_key` when the recipient's key is a low-order point
 */
export function encapsulate(
  primitives: Primitives,
  recipient: PreparedPublicKey,
  ephemeral: PrivateKeyHandle,
): Encapsulation {
  const encapsulatedKey = ephemeral.publicKey;
  try {
    const dh = agree(ephemeral, recipient);
    return { encapsulatedKey, sharedSecret: extractAndExpand(primitives, dh, encapsulatedKey, recipient.bytes) };
  } finally {
    ephemeral.erase();
  }
}

/**
 * `Decap` of RFC 9180 §4.1.
 *
 * @throws E2eError `invalid_key` for an encapsulated key of the wrong length or of low order, `key_erased`
 */
export function decapsulate(
  primitives: Primitives,
  encapsulatedKey: Uint8Array,
  recipient: PrivateKeyHandle,
): Uint8Array {
  const peer = primitives.preparePublicKey(encapsulatedKey);
  return extractAndExpand(primitives, agree(recipient, peer), peer.bytes, recipient.publicKey);
}

function agree(own: PrivateKeyHandle, peer: PreparedPublicKey): Uint8Array {
  const dh = own.agree(peer);
  // RFC 9180 §7.1.4 demands the check of the KEM, whatever a library does of itself.
  let bits = 0;
  for (const byte of dh) bits |= byte;
  if (bits === 0 || dh.length !== KEY_BYTES) throw new E2eError("invalid_key", "the shared secret is all zero");
  return dh;
}

function extractAndExpand(
  primitives: Primitives,
  dh: Uint8Array,
  encapsulatedKey: Uint8Array,
  recipient: Uint8Array,
): Uint8Array {
  const prk = extract(primitives, EMPTY, EAE_PRK, dh);
  const sharedSecret = expand(primitives, prk, concat(SHARED_SECRET, encapsulatedKey, recipient), HASH_BYTES);
  dh.fill(0);
  prk.fill(0);
  return sharedSecret;
}

/** The part of the key schedule (RFC 9180 §5.1) that depends on `info` alone, so that it can be kept. */
export function keyScheduleContext(primitives: Primitives, info: Uint8Array): Uint8Array {
  return concat(MODE_BASE, extract(primitives, EMPTY, PSK_ID_HASH), extract(primitives, EMPTY, INFO_HASH, info));
}

/** `keyScheduleContext` of one `info`, computed once for each set of primitives. */
export function keyScheduleFor(info: Uint8Array): (primitives: Primitives) => Uint8Array {
  const contexts = new WeakMap<Primitives, Uint8Array>();
  return (primitives) => {
    const known = contexts.get(primitives) ?? keyScheduleContext(primitives, info);
    contexts.set(primitives, known);
    return known;
  };
}

/** `KeySchedule` of RFC 9180 §5.1 in base mode; wipes `sharedSecret`. */
export function keySchedule(
  primitives: Primitives,
  sharedSecret: Uint8Array,
  scheduleContext: Uint8Array,
): HpkeContext {
  const secret = extract(primitives, sharedSecret, SECRET);
  const context: HpkeContext = {
    key: expand(primitives, secret, concat(KEY, scheduleContext), AEAD_KEY_BYTES),
    baseNonce: expand(primitives, secret, concat(BASE_NONCE, scheduleContext), NONCE_BYTES),
    exporterSecret: expand(primitives, secret, concat(EXPORTER, scheduleContext), HASH_BYTES),
  };
  sharedSecret.fill(0);
  secret.fill(0);
  return context;
}

/** `Context.Export` of RFC 9180 §5.3. */
export function exportSecret(
  primitives: Primitives,
  exporterSecret: Uint8Array,
  exporterContext: Uint8Array,
  length: number,
): Uint8Array {
  return expand(primitives, exporterSecret, concat(expandLabel(SUITE, "sec", length), exporterContext), length);
}
