import type { Hono } from "hono";
import { named } from "../../api/named-schemas.js";
import type { AnnouncedSealingKey, SealingKeys } from "../../sealing/sealing-keys.js";
import { described, type Operation } from "../openapi/operation.js";
import type { HttpEnv } from "../routing.js";
import { type EncryptionKeyAnswer, encryptionKeySchema, SEALED_FORMAT } from "./schemas.js";

export interface EncryptionKeyDeps {
  readonly sealing: SealingKeys;
}

const PATH = "/v1/encryption-key";
/** How long the answer may be kept, seconds: far less than an old key is accepted. */
const MAX_AGE_SECONDS = 3600;

// RFC 9180 §7: the numbers and names of what `@hearth/e2e` computes with.
const SUITE: EncryptionKeyAnswer["suite"] = {
  kem: { id: 0x0020, name: "DHKEM(X25519, HKDF-SHA256)" },
  kdf: { id: 0x0001, name: "HKDF-SHA256" },
  aead: { id: 0x0003, name: "ChaCha20Poly1305" },
};

const RETRIEVE: Operation = {
  id: "retrieveEncryptionKey",
  audience: "Inference",
  summary: "Get the key that requests may be sealed to",
  description:
    "A new one each day (UTC); the one before is accepted for another day. A body that is sealed to it, as " +
    "application/hearth-sealed+json, is answered sealed.",
  answer: named("EncryptionKey", encryptionKeySchema),
  open: true,
};

/** `GET /v1/encryption-key`, for everybody: the key that requests to this coordinator may be sealed to. */
export function encryptionKeyRoutes(app: Hono<HttpEnv>, { sealing }: EncryptionKeyDeps): void {
  app.get(
    PATH,
    described(RETRIEVE, (c) => {
      c.header("Cache-Control", `public, max-age=${MAX_AGE_SECONDS}`);
      return c.json(describe(sealing.current, sealing.next));
    }),
  );
}

function describe(current: AnnouncedSealingKey, next: AnnouncedSealingKey): EncryptionKeyAnswer {
  return {
    object: "encryption_key",
    ...identified(current),
    suite: SUITE,
    format: SEALED_FORMAT,
    expires_at: seconds(current.until),
    next_key: { ...identified(next), not_before: seconds(next.from) },
  };
}

function identified(key: AnnouncedSealingKey): Pick<EncryptionKeyAnswer, "key_id" | "public_key"> {
  return { key_id: key.keyId, public_key: Buffer.from(key.publicKey).toString("base64url") };
}

const seconds = (ms: number): number => Math.floor(ms / 1000);
