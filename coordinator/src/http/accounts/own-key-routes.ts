import type { Context, Hono } from "hono";
import { z } from "zod";
import type { Principal } from "../../accounts/principal.js";
import type { Principals } from "../../accounts/resolution.js";
import { named } from "../../api/named-schemas.js";
import { BUDGET_RESETS, SCOPES } from "../../store/account-store.js";
import { authenticate } from "../authenticate.js";
import { described, type Operation } from "../openapi/operation.js";
import type { HttpEnv } from "../routing.js";
import { reachOf } from "./key-reach.js";
import { createKeyOf, type KeyDeps, keyHandlers, keyOperations } from "./key-routes.js";

export interface OwnKeyDeps extends KeyDeps {
  readonly principals: Principals;
  readonly spending: (key: Principal) => Promise<Spending>;
}

/** What a key has spent, micro-USD, and may spend yet; `undefined` = as much as there is. */
interface Spending extends Readonly<Record<"total" | "daily" | "weekly" | "monthly", number>> {
  readonly remaining: number | undefined;
}

const dollars = z.number().min(0);

const rate = z.object({ requests: z.int().nullable(), tokens: z.int().nullable(), interval: z.literal("1m") });

const ownKeySchema = z.object({
  data: z.object({
    id: z.string(),
    object: z.literal("api_key"),
    account: z.string(),
    label: z.string().meta({ description: "How the secret begins, else the key's name." }),
    name: z.string(),
    scopes: z.array(z.enum(SCOPES)),
    limit: z.number().nullable().meta({ description: "What may be spent, dollars; `null` = as much as there is." }),
    limit_reset: z.enum(BUDGET_RESETS).nullable(),
    limit_remaining: z
      .number()
      .nullable()
      .meta({ description: "What of it is neither spent nor set aside, dollars; `null` = no limit." }),
    usage: dollars.meta({ description: "What it has spent in all, dollars." }),
    usage_daily: dollars.meta({ description: "Since 00:00 UTC." }),
    usage_weekly: dollars.meta({ description: "Since Monday, 00:00 UTC." }),
    usage_monthly: dollars.meta({ description: "Since the first of the month, 00:00 UTC." }),
    is_free_tier: z.boolean(),
    rate_limit: rate.meta({ description: "`null` = no limit." }),
    concurrency: z.int().nullable(),
    allowed_models: z.array(z.string()).nullable(),
    self_route_only: z.boolean(),
    tags: z.record(z.string(), z.string()),
    expires_at: z.int().nullable().meta({ description: "Seconds since 1970." }),
  }),
});

const OWN: Operation = {
  id: "retrieveOwnKey",
  audience: "Account",
  summary: "Tell what the key that asks is, how far it goes and what it has spent",
  answer: named("OwnApiKey", ownKeySchema),
};

/** What a key can learn of itself, and what it may do with the keys of its account. */
export function ownKeyRoutes(app: Hono<HttpEnv>, deps: OwnKeyDeps): void {
  const asking = (c: Context<HttpEnv>): Principal | Promise<Principal> =>
    authenticate(c.env.incoming.headers, deps.principals);
  app.get(
    "/v1/key",
    described(OWN, async (c) => {
      const principal = await asking(c);
      return c.json({ data: describeOwn(principal, await deps.spending(principal)) });
    }),
  );
  const operations = keyOperations("Account");
  const { on, lists, retrieves, changes, rotates, revokes } = keyHandlers(deps, async (c) => reachOf(await asking(c)));
  app.get("/v1/me/keys", on(operations.list, lists));
  app.post(
    "/v1/me/keys",
    described(operations.create, async (c) => {
      const reach = reachOf(await asking(c));
      // An account of the configuration file is there by being named in it.
      await deps.accounts.ensure(reach.account);
      return await createKeyOf(c, deps, reach.account, reach);
    }),
  );
  app.get("/v1/me/keys/:id", on(operations.retrieve, retrieves));
  app.patch("/v1/me/keys/:id", on(operations.change, changes));
  app.delete("/v1/me/keys/:id", on(operations.revoke, revokes));
  app.post("/v1/me/keys/:id/rotate", on(operations.rotate, rotates));
}

/** In the members that OpenRouter's `GET /api/v1/key` has, where there are such. */
function describeOwn(principal: Principal, spent: Spending): z.infer<typeof ownKeySchema>["data"] {
  const { keyId: id, account, name, prefix, limits, allowedModels, expiresAtMs } = principal;
  const { budget, requestsPerMinute, tokensPerMinute, concurrency } = limits;
  return {
    id,
    object: "api_key",
    account,
    label: prefix ? `${prefix}…` : name,
    name,
    scopes: [...principal.scopes],
    limit: budget === undefined ? null : budget.microUsd / 1e6,
    limit_reset: budget?.reset ?? null,
    limit_remaining: spent.remaining === undefined ? null : spent.remaining / 1e6,
    usage: spent.total / 1e6,
    usage_daily: spent.daily / 1e6,
    usage_weekly: spent.weekly / 1e6,
    usage_monthly: spent.monthly / 1e6,
    is_free_tier: false,
    rate_limit: { requests: requestsPerMinute ?? null, tokens: tokensPerMinute ?? null, interval: "1m" },
    concurrency: concurrency ?? null,
    allowed_models: allowedModels === undefined ? null : [...allowedModels],
    self_route_only: principal.selfRouteOnly,
    tags: { ...principal.tags },
    expires_at: expiresAtMs === undefined ? null : Math.floor(expiresAtMs / 1000),
  };
}
