import type { Context, Hono } from "hono";
import { z } from "zod";
import type { Accounts } from "../../accounts/accounts.js";
import { named } from "../../api/named-schemas.js";
import { described, type Operation } from "../openapi/operation.js";
import type { HttpEnv } from "../routing.js";
import { isConfiguredKey } from "./key-routes.js";

export interface ForgetDeps {
  readonly accounts: Accounts;
  /** Whether the configuration has the key with this digest. */
  readonly isConfigured: (digest: string) => boolean;
  readonly usage: {
    /** Forgets everything of an account, also what still waited to be written. */
    forget(account: string): Promise<void>;
  };
  /** What became of its requests of late, in memory. */
  readonly timelines: { forget(account: string): void };
}

export interface ForgetReach {
  readonly audience: "Account" | "Operator";
  /** From where the routes are mounted: `/data`, or `/accounts/:id/data`. */
  readonly path: string;
  /** @throws HearthError for who may not have it forgotten */
  readonly readAccount: (c: Context<HttpEnv>) => Promise<string>;
}

const FORGOTTEN = named(
  "ForgottenData",
  z.object({
    object: z.literal("account.data"),
    account: z.string(),
    deleted: z.literal(true),
    keys_revoked: z.int(),
    keys_left: z.int().meta({ description: "That the configuration file has as well: they go on until it has not." }),
  }),
);

/** Keys of one page. */
const PAGE = 100;

/** Takes away what is kept of an account but its money: its records of usage, and its keys. */
export function forgetRoutes(app: Hono<HttpEnv>, deps: ForgetDeps, { audience, path, readAccount }: ForgetReach): void {
  const operation: Operation = {
    id: audience === "Operator" ? "forgetAccountsData" : "forgetData",
    audience,
    summary: "Delete the records of usage and revoke the keys of an account",
    description: "What the ledger holds stays: its sums are others' too. The key that asks is revoked as well.",
    answer: FORGOTTEN,
  };
  app.delete(
    path,
    described(operation, async (c) => {
      const account = await readAccount(c);
      await deps.usage.forget(account);
      // Last of all its keys, so that it can be asked for again where something fails; then whatever came until they ended.
      const { revoked: keys_revoked, left: keys_left } = await revokeAll(deps, account);
      await deps.usage.forget(account);
      deps.timelines.forget(account);
      return c.json({ object: "account.data", account, deleted: true, keys_revoked, keys_left });
    }),
  );
}

/** Ends the account's keys. One that the configuration has as well goes by what that says, so it cannot be ended here. */
async function revokeAll(
  { accounts, isConfigured }: ForgetDeps,
  account: string,
): Promise<{ readonly revoked: number; readonly left: number }> {
  const counts = { revoked: 0, left: 0 };
  for (let after: string | undefined; ; ) {
    const keys = await accounts.listKeys({ account, limit: PAGE, after });
    for (const key of keys) {
      if (key.revokedAtMs !== undefined) continue;
      if (isConfiguredKey(key, isConfigured)) counts.left += 1;
      else if ((await accounts.revokeKey(key.id)) !== undefined) counts.revoked += 1;
    }
    after = keys.at(-1)?.id;
    if (keys.length < PAGE) return counts;
  }
}
