import { createHash } from "node:crypto";
import { preparePublicKey } from "@hearth/e2e";
import type { ProviderId, RegisterFrame } from "@hearth/protocol";
import type { WebSocket } from "ws";
import type { Provider } from "./provider.js";
import type { TokenHolder } from "./token-holder.js";
import type { Proof, ProofClaims } from "./trust/attestation-verifier.js";
import type { PassedChallenge } from "./trust/session-trust.js";

/** A socket whose peer has passed the handshake. Only a registration can become a session. */
export interface Registration {
  readonly socket: WebSocket;
  /** Combines all writes of the current turn of the event loop into one system call. */
  readonly cork: () => void;
  readonly provider: ProviderId;
  readonly holder: TokenHolder;
  readonly version: number;
  readonly frame: RegisterFrame;
  /** What it proved, if it attests. */
  readonly proved:
    | { readonly claims: ProofClaims; readonly proof: Proof; readonly passed: PassedChallenge }
    | undefined;
}

/**
 * The stable id of a machine, by which a reconnect is recognised: a hash, so that the identity of a machine that proves
 * nothing stays private. Knowing a machine's public key is not enough to register under its id.
 */
export function providerIdOf(identity: string, attested: boolean): ProviderId {
  const hash = createHash("sha256").update(attested ? identity : `unattested ${identity}`);
  return `prv_${hash.digest("base64url").slice(0, 16)}` as ProviderId;
}

/** The key that a machine announces, as requests are sealed for it. */
export function encryptionKeyOf({
  encryption_key: key,
}: Pick<RegisterFrame, "encryption_key">): NonNullable<Provider["encryptionKey"]> {
  return { keyId: key.key_id, publicKey: preparePublicKey(Buffer.from(key.public_key, "base64url")) };
}
