import type { Context, Hono } from "hono";
import { describeMachine, describeToken, readPage, readTokenOrder } from "../../admin/enrolments.js";
import type { Credentials } from "../../platform/credentials.js";
import { HearthError } from "../../platform/errors.js";
import type { Page } from "../../store/enrolment-store.js";
import { authenticate } from "../authenticate.js";
import { readBody } from "../read-body.js";
import { type EnrolmentHttpDeps, type Env, methodNotAllowed } from "./enrolment-http.js";

/** Bytes of an order for tokens. */
const MAX_ORDER_BYTES = 8 * 1024;

/** Whose machines somebody sees and ends: an owner's own, an operator's everybody's. */
interface Reach {
  readonly prefix: "/v1" | "/admin";
  readonly keys: Credentials;
  /** The one account; `undefined` = all. */
  readonly accountOf: (caller: string) => string | undefined;
}

type Route = (c: Context<Env>, account: string | undefined) => Promise<Response>;

/** Lists and revocation of machines and of one-use tokens, for their owners and for the operator. */
export function machineRoutes(app: Hono<Env>, deps: EnrolmentHttpDeps): void {
  routesOf(app, deps, { prefix: "/v1", keys: deps.apiKeys, accountOf: (caller) => caller });
  routesOf(app, deps, { prefix: "/admin", keys: deps.admins, accountOf: () => undefined });
}

function routesOf(app: Hono<Env>, deps: EnrolmentHttpDeps, { prefix, keys, accountOf }: Reach): void {
  const { enrolment, clock } = deps;
  const as =
    (route: Route) =>
    (c: Context<Env>): Promise<Response> =>
      route(c, accountOf(authenticate(c.env.incoming.headers, keys)));
  const machines = `${prefix}/machines`;
  const tokens = `${prefix}/enrolment-tokens`;
  app.get(
    machines,
    as((c, account) => list(c, account, (page) => enrolment.listMachines(page), describeMachine)),
  );
  app.get(
    tokens,
    as((c, account) => {
      const now = clock.wallTime();
      return list(
        c,
        account,
        (page) => enrolment.listTokens(page),
        (token) => describeToken(token, now),
      );
    }),
  );
  app.post(
    tokens,
    as((c, account) => createTokens(c, account, deps)),
  );
  app.delete(
    `${machines}/:id`,
    as((c, account) => remove(c, "machine", (id) => enrolment.revokeMachine(id, account))),
  );
  app.delete(
    `${tokens}/:id`,
    as((c, account) => remove(c, "enrolment_token", (id) => enrolment.revokeToken(id, account))),
  );
  app.all(machines, methodNotAllowed("GET"));
  app.all(tokens, methodNotAllowed("GET or POST"));
  for (const path of [machines, tokens]) app.all(`${path}/:id`, methodNotAllowed("DELETE"));
}

async function list<T extends { readonly id: string }>(
  c: Context<Env>,
  account: string | undefined,
  load: (page: Page) => Promise<readonly T[]>,
  describe: (item: T) => object,
): Promise<Response> {
  const query = readPage(c.req.query());
  const { limit, after } = query;
  const items = await load({ account: account ?? query.account, limit: limit + 1, after });
  const shown = items.slice(0, limit);
  const last_id = shown.at(-1)?.id ?? null;
  return c.json({ object: "list", data: shown.map(describe), last_id, has_more: items.length > limit });
}

async function createTokens(
  c: Context<Env>,
  own: string | undefined,
  { enrolment }: EnrolmentHttpDeps,
): Promise<Response> {
  const order = readTokenOrder(await readBody(c.env.incoming, MAX_ORDER_BYTES));
  const account = own ?? order.account;
  if (account === undefined) {
    throw new HearthError("invalid_request", "account: is missing", { param: "account" });
  }
  if (order.account !== undefined && order.account !== account) {
    throw new HearthError("invalid_request", "account: tokens are for your own account", { param: "account" });
  }
  const { count, note, expires_in: lifetimeSeconds } = order;
  const created = await enrolment.createTokens({ account, count, note, lifetimeMs: lifetimeSeconds * 1000 });
  if (created === "account_full") {
    throw new HearthError("rate_limit_exceeded", "The account has too many unused enrolment tokens: revoke some.", {
      retryAfterSeconds: 3600,
    });
  }
  c.header("Cache-Control", "no-store");
  const data = created.map(({ id, token, expiresAtMs }) => {
    const expires_at = Math.floor(expiresAtMs / 1000);
    return { id, object: "enrolment_token", account, status: "unused", token, note, expires_at };
  });
  return c.json({ object: "list", data }, 201);
}

async function remove(
  c: Context<Env>,
  object: "machine" | "enrolment_token",
  revoke: (id: string) => Promise<boolean>,
): Promise<Response> {
  const id = c.req.param("id") ?? "";
  if (!(await revoke(id))) throw new HearthError("not_found", `There is no such ${object} to revoke.`);
  return c.json({ id, object, deleted: true });
}
