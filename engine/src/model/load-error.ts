import type { LoadFailure } from "../messages.js";

/** Why the model could not be loaded. Crosses to the parent as a `failed` message. */
export class LoadError extends Error {
  readonly code: LoadFailure;

  constructor(code: LoadFailure, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "LoadError";
    this.code = code;
  }
}
