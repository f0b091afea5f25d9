import type { Context, Hono } from "hono";
import { z } from "zod";
import { checkBody } from "../api/check-body.js";
import { named } from "../api/named-schemas.js";
import { EVERYTHING } from "../http/accounts/key-reach.js";
import {
  createKeyOf,
  ISSUED_KEY,
  KEY_ORDER,
  KEYS,
  type KeyDeps,
  keyHandlers,
  keyOperations,
  ONCE,
  readFormOf,
} from "../http/accounts/key-routes.js";
import { described, type Operation } from "../http/openapi/operation.js";
import { list, listSchema, pageSchema } from "../http/paged-list.js";
import type { HttpEnv } from "../http/routing.js";
import { HearthError, invalidMember } from "../platform/errors.js";
import type { Account, AccountChanges } from "../store/account-store.js";
import { accountSchema, changesSchema, orderSchema } from "./account-forms.js";

const ACCOUNT = named("Account", accountSchema);
const listQuery = pageSchema.omit({ account: true }).extend({ parent: z.string().min(1).max(128).optional() });

const LIST: Operation = {
  id: "listAccounts",
  audience: "Operator",
  summary: "List the accounts, or the teams of one",
  query: listQuery,
  answer: named("AccountList", listSchema(ACCOUNT)),
};

const CREATE: Operation = {
  id: "createAccount",
  audience: "Operator",
  summary: "Create an account, or a team of one",
  request: named("AccountOrder", orderSchema),
  answer: ACCOUNT,
  status: 201,
};

const RETRIEVE: Operation = { id: "retrieveAccount", audience: "Operator", summary: "Get an account", answer: ACCOUNT };

const CHANGE: Operation = {
  id: "changeAccount",
  audience: "Operator",
  summary: "Change, suspend or resume an account",
  description: "Keys and machines of a suspended account and of its teams are refused, and their connections close.",
  request: named("AccountChanges", changesSchema),
  answer: ACCOUNT,
};

const CREATE_KEY: Operation = {
  id: "createAccountKey",
  audience: "Operator",
  summary: "Make an API key of an account",
  description: ONCE,
  request: KEY_ORDER,
  answer: ISSUED_KEY,
  status: 201,
};

const LIST_KEYS: Operation = {
  id: "listAccountKeys",
  audience: "Operator",
  summary: "List the API keys of an account",
  query: pageSchema.omit({ account: true }),
  answer: KEYS,
};

export interface AccountRouteDeps extends KeyDeps {
  /** Those that the configuration names. */
  readonly configuredAccounts: () => ReadonlySet<string>;
}

/** Accounts and their keys, all of them. */
export function accountRoutes(admin: Hono<HttpEnv>, deps: AccountRouteDeps): void {
  const { accounts } = deps;
  const present = new Set<string>();
  // An account of the configuration is there by being named in it: who looks for it finds it.
  admin.use("/accounts/*", async (_c, next) => {
    for (const id of deps.configuredAccounts()) {
      if (!present.has(id)) await accounts.ensure(id);
      present.add(id);
    }
    await next();
  });
  const idOf = (c: Context<HttpEnv>): string => (c.req.param("id") ?? "").slice(0, 128);
  const { on, lists, retrieves, changes, rotates, revokes } = keyHandlers(deps, () => EVERYTHING);
  const ofAccount = keyHandlers(deps, async (c) => ({ ...EVERYTHING, account: told(await accounts.find(idOf(c))).id }));
  admin.get(
    "/accounts",
    described(LIST, (c) => {
      const { parent } = checkBody(listQuery, c.req.query());
      return list(c, { account: parent, load: (page) => accounts.list(page), describe });
    }),
  );
  admin.post(
    "/accounts",
    described(CREATE, async (c) => c.json(describe(await create(await readFormOf(c, orderSchema), deps)), 201)),
  );
  admin.get(
    "/accounts/:id",
    described(RETRIEVE, async (c) => c.json(describe(told(await accounts.find(idOf(c)))))),
  );
  admin.patch(
    "/accounts/:id",
    described(CHANGE, async (c) => {
      const { status, ...form } = await readFormOf(c, changesSchema);
      const before = told(await accounts.find(idOf(c)));
      if (form.budget === "shared" && before.parent === undefined) throw noTeam();
      let account = told(await accounts.update(before.id, changesOf(form)));
      if (status !== undefined) account = told(await accounts.setSuspended(before.id, status === "suspended"));
      return c.json(describe(account));
    }),
  );
  admin.get("/accounts/:id/keys", ofAccount.on(LIST_KEYS, lists));
  admin.post(
    "/accounts/:id/keys",
    described(CREATE_KEY, (c) => createKeyOf(c, deps, idOf(c), EVERYTHING)),
  );
  const operations = keyOperations("Operator");
  admin.get("/keys", on(operations.list, lists));
  admin.get("/keys/:id", on(operations.retrieve, retrieves));
  admin.patch("/keys/:id", on(operations.change, changes));
  admin.delete("/keys/:id", on(operations.revoke, revokes));
  admin.post("/keys/:id/rotate", on(operations.rotate, rotates));
}

async function create(order: z.infer<typeof orderSchema>, { accounts }: KeyDeps): Promise<Account> {
  const { id, parent } = order;
  if (order.budget === "shared" && parent === undefined) throw noTeam();
  const created = await accounts.create({
    ...{ id, parent, name: order.name, budget: order.budget },
    concurrency: order.concurrency ?? undefined,
  });
  if (created === "exists") {
    throw invalidMember("id", "there is such an account");
  }
  if (created === "no_parent") {
    throw invalidMember("parent", "there is no such account, or it is a team itself");
  }
  return created;
}

const noTeam = (): HearthError => invalidMember("budget", "only a team shares one");

function changesOf(form: Omit<z.infer<typeof changesSchema>, "status">): AccountChanges {
  return {
    ...(form.name !== undefined && { name: form.name }),
    ...(form.budget !== undefined && { budget: form.budget }),
    ...(form.concurrency !== undefined && { concurrency: form.concurrency ?? undefined }),
  };
}

function told(account: Account | undefined): Account {
  if (account === undefined) throw new HearthError("not_found", "There is no such account.");
  return account;
}

function describe({ id, name, parent, budget, ...account }: Account): z.infer<typeof accountSchema> {
  return {
    id,
    object: "account",
    ...{ name, parent: parent ?? null, budget },
    concurrency: account.concurrency ?? null,
    status: account.suspendedAtMs === undefined ? "active" : "suspended",
    created_at: Math.floor(account.createdAtMs / 1000),
    suspended_at: account.suspendedAtMs === undefined ? null : Math.floor(account.suspendedAtMs / 1000),
  };
}
