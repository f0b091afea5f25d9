import type { Principal } from "../../accounts/principal.js";
import { HearthError } from "../../platform/errors.js";
import type { ApiKey, Scope } from "../../store/account-store.js";

/** Which keys somebody sees and changes. */
export interface KeyReach {
  /** Whose; absent = everybody's. */
  readonly account?: string;
  /** @throws HearthError `insufficient_scope` where a key might get what its maker has not, or he manages none */
  mayGive(scopes: readonly Scope[]): void;
  /** @throws HearthError `insufficient_scope` where he may not change it */
  mayChange(key: Pick<ApiKey, "id" | "scopes">, how: "terms" | "secret" | "end"): void;
}

/** Any of these makes a key one that may change something, its account's keys among it. */
const MANAGING: readonly Scope[] = ["inference", "provider", "admin"];

/** The operator's. */
export const EVERYTHING: KeyReach = { mayGive() {}, mayChange() {} };

/**
 * What a key may do with the keys of its account. None gets wider by it: keys give and change no scope that they lack,
 * and one that only looks, or has a limit of any kind, only rotates and revokes itself: the limits of several add up.
 */
export function reachOf(principal: Principal): KeyReach & { readonly account: string } {
  const { account, keyId } = principal;
  const within = (scopes: readonly Scope[]): void => {
    const lacking = scopes.find((scope) => !principal.scopes.has(scope));
    if (lacking !== undefined) throw tooFar(`This API key lacks the scope '${lacking}'.`);
    if (!MANAGING.some((scope) => principal.scopes.has(scope))) throw tooFar("A key that only looks manages no keys.");
    if (isLimited(principal)) throw tooFar("This API key has limits of its own, and manages no others.");
  };
  return {
    account,
    mayGive: within,
    mayChange({ id, scopes }, how) {
      if (id !== keyId || how === "terms") within(scopes);
    },
  };
}

function isLimited({ limits, allowedModels, selfRouteOnly, expiresAtMs }: Principal): boolean {
  const { requestsPerMinute, tokensPerMinute, concurrency, budget } = limits;
  const all = [requestsPerMinute, tokensPerMinute, concurrency, budget, allowedModels, expiresAtMs];
  return selfRouteOnly || all.some((limit) => limit !== undefined);
}

const tooFar = (message: string): HearthError => new HearthError("insufficient_scope", message);
