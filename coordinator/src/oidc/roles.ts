import type { RoleRules } from "./settings.js";

/** What an identity provider vouches for, as it was signed. */
export interface Claims {
  readonly sub: string;
  readonly email?: unknown;
  readonly email_verified?: unknown;
  readonly [claim: string]: unknown;
}

/** What somebody may here; both `undefined` = nothing. */
export interface Roles {
  readonly operator: "admin" | "read" | undefined;
  readonly account: string | undefined;
}

/** Longer values are nobody's here. */
const MAX_VALUE = 256;
/** Groups that are looked at. */
const MAX_VALUES = 1_000;
/** As account ids are. */
const ACCOUNT = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;

/** Who somebody is here, by what the identity provider has signed. */
export function rolesOf(claims: Claims, { rolesClaim, admin, read, accountClaim, accounts }: RoleRules): Roles {
  const values = valuesOf(claimAt(claims, rolesClaim));
  const isAny = (wanted: ReadonlySet<string>): boolean => values.some((value) => wanted.has(value));
  const email = verifiedEmail(claims);
  const named = accountClaim === undefined ? undefined : valuesOf(claimAt(claims, accountClaim))[0];
  return {
    operator: isAny(admin) ? "admin" : isAny(read) ? "read" : undefined,
    account:
      accounts.get(claims.sub) ??
      (email === undefined ? undefined : accounts.get(email)) ??
      (named !== undefined && ACCOUNT.test(named) ? named : undefined),
  };
}

/** In small letters; `undefined` where nobody has verified it: then it is what somebody likes to be called. */
export function verifiedEmail({ email, email_verified: isVerified }: Claims): string | undefined {
  return isVerified === true && typeof email === "string" && email.length <= MAX_VALUE
    ? email.toLowerCase()
    : undefined;
}

/** A claim whose name has dots in it is taken as it is; otherwise they lead into objects. */
function claimAt(claims: Claims, path: string): unknown {
  if (path === "email") return verifiedEmail(claims);
  if (Object.hasOwn(claims, path)) return claims[path];
  return path
    .split(".")
    .reduce<unknown>(
      (value, name) =>
        typeof value === "object" && value !== null && Object.hasOwn(value, name)
          ? (value as Record<string, unknown>)[name]
          : undefined,
      claims,
    );
}

function valuesOf(claim: unknown): readonly string[] {
  const values = Array.isArray(claim) ? claim.slice(0, MAX_VALUES) : [claim];
  return values.filter((value): value is string => typeof value === "string" && value.length <= MAX_VALUE);
}
