import { TAG_BYTES } from "./primitives.js";
import { BUCKET_STEP_BYTES, PADDED_HEADER_BYTES } from "./record.js";
import { RESPONSE_NONCE_BYTES } from "./sealed-response.js";

/** A sealed chunk is at most this much longer than its plaintext: response nonce, record header, fill and tag. */
export const MAX_OVERHEAD_BYTES: number =
  RESPONSE_NONCE_BYTES + PADDED_HEADER_BYTES + (BUCKET_STEP_BYTES - 1) + TAG_BYTES;
