import type { Machine } from "../store/enrolment-store.js";
import type { DeviceGrant } from "./device-grants.js";

/** Who types a user code: an account that has signed in, and from where. */
export interface Guesser {
  readonly account: string;
  readonly address: string;
}

/** Whose machine a user code stands for. */
export type CodeLookup =
  | { readonly type: "found"; readonly grant: DeviceGrant }
  /** It cannot be a code at all. */
  | { readonly type: "malformed" }
  /** No machine waits under it: mistyped, answered already, or expired. */
  | { readonly type: "unknown" }
  | { readonly type: "blocked"; readonly retryAfterMs: number };

/** A machine's token, told this one time. */
export interface IssuedToken {
  readonly type: "issued";
  /** `hm-…` */
  readonly token: string;
  readonly machine: Machine;
}

/** How a poll ends, by the error codes of RFC 8628 §3.5 and RFC 6749 §5.2. */
export type PollResult =
  | IssuedToken
  | { readonly type: "authorization_pending" | "slow_down" | "access_denied" | "expired_token" | "invalid_grant" }
  | { readonly type: "account_full" };

export type TokenExchange =
  | IssuedToken
  | { readonly type: "unknown" | "used" | "expired" | "revoked" | "account_full" }
  | { readonly type: "blocked"; readonly retryAfterMs: number };

export interface TokenOrder {
  readonly account: string;
  readonly count: number;
  readonly lifetimeMs: number;
  readonly note: string;
}

/** A fresh one-use token, told this one time. */
export interface CreatedToken {
  readonly id: string;
  /** `he-…` */
  readonly token: string;
  readonly expiresAtMs: number;
}
