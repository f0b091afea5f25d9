import type { OperationName } from "../operations/registry.js";
import type { ErrorRecord } from "./error-record.js";

/** One thing that is asked of the thread. Its id is known again by its answer. */
export interface Request {
  readonly id: number;
  readonly name: OperationName;
  readonly input: unknown;
}

export type Answer =
  | { readonly id: number; readonly type: "done"; readonly result: unknown }
  | { readonly id: number; readonly type: "failed"; readonly error: ErrorRecord };

export type ToThread = { readonly type: "run"; readonly requests: readonly Request[] } | { readonly type: "close" };

export type FromThread =
  | { readonly type: "opened" }
  | { readonly type: "answers"; readonly answers: readonly Answer[] }
  /** The last message; what could not be opened or closed, if something. */
  | { readonly type: "ended"; readonly error: ErrorRecord | undefined };
