export { SealedTransportError, type SealedTransportErrorCode } from "./error.js";
export { createSealedFetch, type SealedFetchOptions } from "./sealed-fetch.js";
