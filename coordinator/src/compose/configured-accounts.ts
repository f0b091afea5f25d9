import type { Accounts } from "../accounts/accounts.js";
import { CONFIGURED, type FixedKey, fixedKeys } from "../accounts/fixed-keys.js";
import { asAccount, asOperator, OPERATORS_ACCOUNT } from "../accounts/persons.js";
import { type PrincipalsDeps, principals } from "../accounts/principals.js";
import { type Principals, type Resolution, UNKNOWN } from "../accounts/resolution.js";
import type { Person, SignedIn, SignIn } from "../accounts/sign-in.js";
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
  signIn: Pick<SignIn, "find">,
): {
  readonly principals: Principals;
  readonly operators: Principals;
  /** Whether the configuration has the key with this digest, and so says what it may do. */
  readonly isConfigured: (digest: string) => boolean;
} {
  const isSuspended = (account: string): boolean => accounts.isSuspended(account);
  const known = (deps: Pick<PrincipalsDeps, "fixed" | "signedIn" | "person">): Principals =>
    principals({ ...deps, stored: accounts.keys, isSuspended });
  const [operatorKey, consumerKey] = [secretDigest(adminKey), secretDigest(apiKey)];
  const consumers = live.derived(({ apiKeys }) => fixedKeys(consumerKeys(apiKey, apiKeys)));
  const operator = fixedKeys([
    { secret: adminKey, account: OPERATORS_ACCOUNT, name: "HEARTH_ADMIN_KEY", scopes: ["admin"] },
  ]);
  const named = configuredAccounts(live);
  const signedIn = (session: string): SignedIn | undefined => signIn.find(session);
  const personDeps = {
    findAccount: (id: string) => accounts.find(id),
    isConfigured: (id: string) => named().has(id),
    isSuspended,
  };
  const asConsumer = (person: Person): Resolution | Promise<Resolution> => {
    if (person.account !== undefined) return asAccount(person, personDeps);
    const principal = person.operator === "admin" ? consumers().find(consumerKey) : asOperator(person);
    return principal === undefined ? UNKNOWN : { type: "known", principal };
  };
  return {
    principals: known({
      fixed: consumers,
      // Who runs the coordinator has both of its keys: on the page he tries it with the one for consumers.
      signedIn(session) {
        const who = signedIn(session);
        return who?.type === "key" && who.digest === operatorKey ? { type: "key", digest: consumerKey } : who;
      },
      person: asConsumer,
    }),
    operators: known({
      fixed: () => operator,
      signedIn,
      person(person) {
        const principal = asOperator(person);
        return principal === undefined ? asAccount(person, personDeps) : { type: "known", principal };
      },
    }),
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
export function configuredAccounts(live: LiveOperator): () => ReadonlySet<string> {
  return live.derived(
    ({ apiKeys, providerTokens }) =>
      new Set([DEFAULT_ACCOUNT, ...[...apiKeys, ...providerTokens].map(({ account }) => account)]),
  );
}
