/**
 * Why an engine did not start:
 * - `aborted`: the caller's signal; its reason is the `cause`.
 * - `not_built`: the child's program is not there, because the package has not been built.
 * - `model_missing`: there is no readable file at `modelPath`.
 * - `model_corrupt`: the file is not a model that this llama.cpp can load.
 * - `out_of_memory`: the model or its context does not fit this machine.
 * - `engine_unavailable`: llama.cpp itself is missing or does not run here (no binary for this platform).
 * - `child_failed`: the child could not be started, or ended before it was ready.
 */
export type EngineErrorCode =
  | "aborted"
  | "not_built"
  | "model_missing"
  | "model_corrupt"
  | "out_of_memory"
  | "engine_unavailable"
  | "child_failed";

/** The one error that {@link startEngine} rejects with. Branch on `code`, never on the message. */
export class EngineError extends Error {
  readonly code: EngineErrorCode;

  constructor(code: EngineErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "EngineError";
    this.code = code;
  }
}
