import type { Principal } from "./principal.js";

/** What a secret turns out to be. */
export type Resolution =
  | { readonly type: "known"; readonly principal: Principal }
  /** Nobody's, or that of a key that was revoked. */
  | { readonly type: "unknown" }
  /** It was good once. */
  | { readonly type: "expired" }
  /** A session of the web page that is over. */
  | { readonly type: "signed_out" }
  /** Its account, or the one above, is suspended. */
  | { readonly type: "suspended" }
  /** Nobody can say now. */
  | { readonly type: "unavailable" };

/** Knows whom a secret stands for. */
export interface Principals {
  /** Answers at once where it can; a promise where the store has to be asked. Never rejects. */
  resolve(secret: string): Resolution | Promise<Resolution>;
}

export const UNKNOWN: Resolution = { type: "unknown" };
export const EXPIRED: Resolution = { type: "expired" };
export const SIGNED_OUT: Resolution = { type: "signed_out" };
export const SUSPENDED: Resolution = { type: "suspended" };
export const UNAVAILABLE: Resolution = { type: "unavailable" };
