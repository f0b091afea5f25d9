import { type FixedKey, fixedKeys } from "../accounts/fixed-keys.js";
import { principals } from "../accounts/principals.js";
import { type Principals, UNKNOWN } from "../accounts/resolution.js";

/** These keys and no others. */
export function fixedPrincipals(...keys: readonly FixedKey[]): Principals {
  const fixed = fixedKeys(keys);
  return principals({ fixed: () => fixed, stored: { resolve: () => UNKNOWN }, isSuspended: () => false });
}
