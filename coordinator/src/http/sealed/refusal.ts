import { HearthError } from "../../platform/errors.js";
import type { ErrorBody } from "../../request/consumer.js";

/** Why a sealed request was not opened. Shown as the error's code in the body of every dialect. */
export type SealedErrorCode =
  | "sealed_wrong_key" // no key of this coordinator: fetch it again
  | "sealed_expired" // a key that has been erased: fetch the new one
  | "sealed_malformed" // not an envelope of this format
  | "sealed_tampered" // altered, cut short, or sealed for another route
  | "sealed_replayed" // these very bytes were opened before
  | "sealed_unavailable"; // no room to remember another request under this key

/** A sealed request that was refused unopened. Whoever sent it is told in the open: there is no key to answer under. */
export class SealedRefusal extends HearthError {
  readonly sealedCode: SealedErrorCode;
  /** The key to seal to instead. */
  readonly keyId: string | undefined;

  constructor(
    sealedCode: SealedErrorCode,
    message: string,
    more: { readonly param?: string; readonly keyId?: string } = {},
  ) {
    super(sealedCode === "sealed_unavailable" ? "no_provider" : "invalid_request", message, { param: more.param });
    this.sealedCode = sealedCode;
    this.keyId = more.keyId;
  }
}

/** A dialect's form of errors, with the codes of sealed requests where the dialect has room for a code. */
export function withSealedCodes(errorBody: ErrorBody): ErrorBody {
  return (error) => {
    const body = errorBody(error) as { readonly error: object };
    if (!(error instanceof SealedRefusal)) return body;
    const { sealedCode, keyId } = error;
    const key = keyId === undefined ? {} : { key_id: keyId };
    // OpenAI's envelope has a member for it; Anthropic's has `details`, where its own API puts codes.
    const told = "code" in body.error ? { code: sealedCode, ...key } : { details: { error_code: sealedCode, ...key } };
    return { ...body, error: { ...body.error, ...told } };
  };
}
