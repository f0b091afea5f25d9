/** What can go wrong with the Secure Enclave helper. */
export type EnclaveErrorCode =
  /** The program is not there, or may not be started. */
  | "not_started"
  /** It ended, also when it was started again. */
  | "gone"
  /** It did not answer in time, also when it was started again. */
  | "timeout"
  /** It says what the protocol does not allow. */
  | "bad_answer"
  /** Its signature is not one of the key that it named. */
  | "bad_signature"
  /** It speaks another version of the protocol. */
  | "version_unsupported"
  /** It answers with an error of its own; `refusal` says which. */
  | "refused";

/** The helper's own error codes: see `provider-agent/enclave/PROTOCOL.md`. */
export const REFUSALS = ["bad_request", "no_enclave", "key_unavailable", "too_large", "internal"] as const;
export type EnclaveRefusal = (typeof REFUSALS)[number];

/** A failure of the helper. Its message holds nothing that the helper was asked to sign. */
export class EnclaveError extends Error {
  readonly code: EnclaveErrorCode;
  readonly refusal: EnclaveRefusal | undefined;

  constructor(code: EnclaveErrorCode, message: string, options?: ErrorOptions & { refusal?: EnclaveRefusal }) {
    super(message, options);
    this.name = "EnclaveError";
    this.code = code;
    this.refusal = options?.refusal;
  }
}
