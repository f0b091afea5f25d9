import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import type { Clock } from "@hearth/platform";
import { createAdaptorServer } from "@hono/node-server";
import { Hono } from "hono";
import { pino } from "pino";
import { Accounts } from "../accounts/accounts.js";
import { type FixedKey, fixedKeys } from "../accounts/fixed-keys.js";
import { principals } from "../accounts/principals.js";
import { type Principals, UNKNOWN } from "../accounts/resolution.js";
import { DEFAULT_ACCOUNTS } from "../accounts/settings.js";
import { DEFAULT_SIGN_IN, SignIn } from "../accounts/sign-in.js";
import { type AdminDeps, createAdminApp } from "../admin/routes.js";
import { Enrolment } from "../enrolment/enrolment.js";
import type { EnrolmentEvent } from "../enrolment/enrolment-events.js";
import { Registry } from "../fleet/registry.js";
import { EMPTY_MANIFEST } from "../fleet/trust/runtime-manifest.js";
import type { EnrolmentHttpDeps } from "../http/enrolment/enrolment-http.js";
import { enrolmentRoutes } from "../http/enrolment-routes.js";
import { answerErrors, type HttpEnv } from "../http/routing.js";
import { clientAddress } from "../platform/client-address.js";
import { createCredentials } from "../platform/credentials.js";
import { openMemoryStore } from "../store/sqlite/open-sqlite-store.js";
import type { Store } from "../store/store.js";

export const ANNAS_KEY = "hk-anna-0123456789";
export const BENS_KEY = "hk-ben-0123456789";
/** Of an account, and not for its machines. */
export const CONSUMERS_KEY = "hk-ben-app-0123456789";
export const ADMIN_KEY = "ha-admin-0123456789";

const OPERATORS = fixedPrincipals({ secret: ADMIN_KEY, account: "admin", name: "admin", scopes: ["admin"] });

/** The enrolment routes on a port of their own, with nothing else of a coordinator. */
export interface EnrolmentServer extends AsyncDisposable {
  readonly url: string;
  readonly enrolment: Enrolment;
  readonly store: Store;
  readonly events: readonly EnrolmentEvent[];
  /** `identity enrolmentId` of every token that ended. */
  readonly revoked: readonly string[];
  /** Everything that was logged. */
  log(): string;
}

export async function startEnrolmentServer(
  clock: Clock,
  options: Partial<EnrolmentHttpDeps> = {},
): Promise<EnrolmentServer> {
  const store = openMemoryStore();
  const events: EnrolmentEvent[] = [];
  const revoked: string[] = [];
  let logged = "";
  const log = pino(
    { level: "trace" },
    {
      write(line: string) {
        logged += line;
      },
    },
  );
  const enrolment = await Enrolment.open({
    ...{ store: store.enrolments, clock, log },
    sharedTokens: createCredentials([]),
    hooks: {
      revoked: (identity, id) => revoked.push(`${identity} ${id}`),
      moved: () => {},
      counted: (event) => events.push(event),
    },
  });
  const accounts = await Accounts.open({
    ...{ store: store.accounts, clock, log, settings: () => DEFAULT_ACCOUNTS },
    hooks: { suspended: () => {} },
  });
  const machineStandings = () => () => undefined;
  const app = new Hono<HttpEnv>();
  answerErrors(app, log);
  enrolmentRoutes(app, {
    ...{ enrolment, clock, log, machineStandings },
    principals: fixedPrincipals(
      { secret: ANNAS_KEY, account: "anna", name: "Anna's", scopes: ["provider"] },
      { secret: BENS_KEY, account: "ben", name: "Ben's", scopes: ["provider"] },
      { secret: CONSUMERS_KEY, account: "ben", name: "Ben's app", scopes: ["inference"] },
    ),
    signInRefused: () => events.push("sign_in_refused"),
    addressOf: (incoming) => clientAddress(incoming, 0),
    ...options,
  });
  const operator = { current: { manifest: EMPTY_MANIFEST }, replaceManifest: () => Promise.resolve() };
  const directory = new Registry(clock);
  app.route(
    "/admin",
    createAdminApp({
      isConfigured: () => false,
      configured: () => ({ keys: [], tokens: [] }),
      configuredAccounts: () => new Set(),
      ...{
        accounts,
        enrolment,
        clock,
        operator,
        directory,
        operators: OPERATORS,
        machineStandings,
        usage: { ...store.usage, forget: async () => {} },
        ledger: store.ledger,
        ownerPrices: { list: (page) => store.prices.listPrices(page) },
      },
      minimumPayout: () => 1n,
      isAccount: async () => true,
      log,
      signIn: new SignIn(clock, () => DEFAULT_SIGN_IN),
      standing: () => ({ score: 100, reasons: {} }),
      ...NOTHING_BESIDE,
      recognised: () => {},
    }),
  );
  const server = createAdaptorServer({ fetch: app.fetch }) as Server;
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    ...{ enrolment, store, events, revoked },
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    log: () => logged,
    async [Symbol.asyncDispose]() {
      await new Promise((resolve) => {
        server.close(resolve);
        server.closeAllConnections();
      });
      accounts.close();
      await enrolment.close();
      await store.close();
    },
  };
}

const NO_NOTE = { label: "", notes: "", drained: false };
const NO_NOTES = { of: () => NO_NOTE, has: () => false, change: async () => NO_NOTE };

const NO_OPERATOR_SETTINGS = {
  ...{ document: {}, written: {}, version: "", place: undefined },
  change: () => ({ changes: [], version: "" }),
  shown: () => ({ document: {}, version: "", place: undefined, settings: [], rejected: undefined }),
  merge: () => ({}),
};

/** The rest of what the operator's routes ask: there is nothing. */
const NOTHING_BESIDE = {
  actionLog: { answered: async () => {}, list: async () => [], changes: () => {} },
  operatorSettings: NO_OPERATOR_SETTINGS,
  environment: [],
  ...{ ready: () => true, shutdown: new AbortController().signal },
  fleetFeed: { subscribe: () => ({ [Symbol.dispose]() {} }) },
  liveFeed: { subscribe: () => ({ [Symbol.dispose]() {} }) },
  machineNotes: NO_NOTES,
  enrolledMachine: () => undefined,
  explainMachine: () => [],
  breaker: { held: () => [], clear: () => 0 },
  waiting: () => [],
  slots: () => ({ used: 0, all: 0 }),
  models: () => ({}) as ReturnType<AdminDeps["models"]>,
  explain: () => ({ builds: [], providers: [], leftOut: 0 }),
  timelines: { list: () => [], find: () => undefined, forget() {}, since: () => [].values() },
} satisfies Partial<AdminDeps>;

/** These keys and no others. */
function fixedPrincipals(...keys: readonly FixedKey[]): Principals {
  const fixed = fixedKeys(keys);
  return principals({
    fixed: () => fixed,
    stored: { resolve: () => UNKNOWN },
    isSuspended: () => false,
    signedIn: () => undefined,
    person: () => UNKNOWN,
  });
}
