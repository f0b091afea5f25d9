import type { Accounts } from "../accounts/accounts.js";
import { CONFIGURED, type FixedKey, type FixedKeys, fixedKeys } from "../accounts/fixed-keys.js";
import { principals } from "../accounts/principals.js";
import type { Principals } from "../accounts/resolution.js";
import type { SignIn } from "../accounts/sign-in.js";
import type { LiveOperator } from "../operator/operator-document.js";
import type { Settings } from "../operator/settings.js";
import { type Credentials, createCredentials } from "../platform/credentials.js";
import { secretDigest } from "../platform/secret-digest.js";
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
  signIn: Pick<SignIn, "keyOf">,
): {
  readonly principals: Principals;
  readonly operators: Principals;
  /** Whether the configuration has the key with this digest, and so says what it may do. */
  readonly isConfigured: (digest: string) => boolean;
} {
  const isSuspended = (account: string): boolean => accounts.isSuspended(account);
  const known = (fixed: () => FixedKeys, keyOfSession = (session: string) => signIn.keyOf(session)): Principals =>
    principals({ fixed, stored: accounts.keys, isSuspended, keyOfSession });
  const [operatorKey, consumerKey] = [secretDigest(adminKey), secretDigest(apiKey)];
  // Who runs the coordinator has both of its keys: on the page he tries it with the one for consumers.
  const asConsumer = (session: string): string | undefined => {
    const digest = signIn.keyOf(session);
    return digest === operatorKey ? consumerKey : digest;
  };
  const consumers = live.derived(({ apiKeys }) => fixedKeys(consumerKeys(apiKey, apiKeys)));
  const operator = fixedKeys([{ secret: adminKey, account: "admin", name: "HEARTH_ADMIN_KEY", scopes: ["admin"] }]);
  return {
    principals: known(consumers, asConsumer),
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
