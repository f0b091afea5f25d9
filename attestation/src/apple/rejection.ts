/** Why a device's certificates are not believed: a closed vocabulary, for logs and counters. */
export type AppleRejectionReason =
  /** No certificate, or none but the root. */
  | "empty_chain"
  | "too_many_certificates"
  | "certificate_too_large"
  /** No DER certificate of version 3, or more bytes than one. */
  | "malformed"
  | "not_yet_valid"
  | "expired"
  /** Anything but ECDSA with SHA-256 or SHA-384 on P-256 or P-384. */
  | "unsupported_algorithm"
  | "unknown_critical_extension"
  | "duplicate_extension"
  /** A certificate that issued another one may not. */
  | "not_a_ca"
  | "key_usage"
  | "path_length"
  /** The device's own certificate may issue others. */
  | "leaf_is_ca"
  /** A certificate does not name the next one as its issuer: another order, or a piece is missing. */
  | "wrong_issuer"
  /** The last certificate does not name the pinned root as its issuer. */
  | "untrusted_root"
  | "bad_signature"
  /** A statement about the device that is not in the form Apple documents. */
  | "bad_property"
  | "serial_missing"
  | "freshness_missing"
  | "freshness_mismatch";

/** A refusal; the detail names the certificate by its place in the chain, and nothing that is in it. */
export interface AppleRejected {
  readonly type: "rejected";
  readonly reason: AppleRejectionReason;
  readonly detail: string;
}

export const rejected = (reason: AppleRejectionReason, detail: string): AppleRejected => ({
  type: "rejected",
  reason,
  detail,
});
