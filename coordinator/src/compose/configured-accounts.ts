import type { Accounts } from "../accounts/accounts.js";
import { CONFIGURED, type FixedKey, type FixedKeys, fixedKeys } from "../accounts/fixed-keys.js";
import { principals } from "../accounts/principals.js";
import type { Principals } from "../accounts/resolution.js";
import type { LiveOperator } from "../operator/operator-document.js";
import type { Settings } from "../operator/settings.js";
import { type Credentials, createCredentials } from "../platform/credentials.js";
import type { Secrets } from "../secrets.js";

// Who is known without the store: whom the secrets of the process and the configuration file name.

/** The account of the API key and the provider token that every coordinator has. */
const DEFAULT_ACCOUNT = "default";

/** The provider token that every coordinator has, and those of the configuration file. */
export function sharedTokens(live: LiveOperator, secret: string): Credentials {
  const credentials = live.derived(({ providerTokens }) =>
    createCredentials([{ secret, account: DEFAULT_ACCOUNT }, ...providerTokens]),
  );
  return { accountOf: (offered) => credentials().accountOf(offered) };
}

/** Who may call what: the keys of the configuration, each kind for its own, and those of accounts by their scopes. */
export function callersOf(
  live: LiveOperator,
  { apiKey, adminKey }: Secrets,
  accounts: Accounts,
): {
  readonly principals: Principals;
  readonly operators: Principals;
  /** Whether the configuration has the key with this digest, and so says what it may do. */
  readonly isConfigured: (digest: string) => boolean;
} {
  const known = (fixed: () => FixedKeys): Principals =>
    principals({ fixed, stored: accounts.keys, isSuspended: (account) => accounts.isSuspended(account) });
  const consumers = live.derived(({ apiKeys }) => fixedKeys(consumerKeys(apiKey, apiKeys)));
  const operator = fixedKeys([{ secret: adminKey, account: "admin", name: "HEARTH_ADMIN_KEY", scopes: ["admin"] }]);
  return {
    principals: known(consumers),
    operators: known(() => operator),
    isConfigured: (digest) => consumers().find(digest) !== undefined,
  };
}

function consumerKeys(secret: string, more: Settings["apiKeys"]): readonly FixedKey[] {
  return [
    { ...CONFIGURED, secret, account: DEFAULT_ACCOUNT, name: "HEARTH_API_KEY" },
    ...more.map((key) => ({ ...CONFIGURED, ...key })),
  ];
}

/** The accounts that the configuration names, whether or not the store has them. */
export function configuredAccounts(live: LiveOperator): (id: string) => boolean {
  const named = live.derived(
    ({ apiKeys, providerTokens }) =>
      new Set([DEFAULT_ACCOUNT, ...[...apiKeys, ...providerTokens].map(({ account }) => account)]),
  );
  return (id) => named().has(id);
}
