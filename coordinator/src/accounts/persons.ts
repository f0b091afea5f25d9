import type { Account } from "../store/account-store.js";
import { type Principal, unlimited } from "./principal.js";
import { type Resolution, SUSPENDED, UNAVAILABLE, UNKNOWN } from "./resolution.js";
import type { Person } from "./sign-in.js";

export interface PersonDeps {
  readonly findAccount: (id: string) => Promise<Account | undefined>;
  /** Whether the configuration names an account, which the store need not have. */
  readonly isConfigured: (account: string) => boolean;
  readonly isSuspended: (account: string) => boolean;
}

/** The account that the operator's own doings are written down for. */
export const OPERATORS_ACCOUNT = "admin";

/** What a person may of the operator's; `undefined` = nothing. */
export function asOperator({ id, name, operator }: Person): Principal | undefined {
  return operator && unlimited({ account: OPERATORS_ACCOUNT, keyId: id, name, scopes: [operator] });
}

/** What a person may as their account: everything of it, without a limit of their own. Never rejects. */
export async function asAccount(
  { id: keyId, name, account: own }: Person,
  { findAccount, isConfigured, isSuspended }: PersonDeps,
): Promise<Resolution> {
  if (own === undefined) return UNKNOWN;
  if (isSuspended(own)) return SUSPENDED;
  const principal = unlimited({ account: own, keyId, name, scopes: ["inference", "provider"] });
  let account: Account | undefined;
  try {
    account = await findAccount(own);
  } catch {
    return UNAVAILABLE;
  }
  if (account === undefined) return isConfigured(own) ? { type: "known", principal } : UNKNOWN;
  const { parent, budget, concurrency: accountConcurrency } = account;
  const payer = parent !== undefined && budget === "shared" ? parent : own;
  return { type: "known", principal: { ...principal, payer, limits: { ...principal.limits, accountConcurrency } } };
}
