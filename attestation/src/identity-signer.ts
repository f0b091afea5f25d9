/** A machine's identity: a P-256 key that never leaves where it is kept. */
export interface IdentitySigner {
  /** Where the private key lives: a file of its owner's, or a Secure Enclave. */
  readonly kind: "software" | "secure_enclave";
  /** 65 bytes: the uncompressed point of SEC 1 §2.3.3. */
  readonly publicKey: Uint8Array;
  /** ECDSA over SHA-256 of the message: 64 bytes r ‖ s, with the lower of the two possible s. */
  sign(message: Uint8Array): Promise<Uint8Array>;
}
