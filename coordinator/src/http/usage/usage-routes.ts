import type { Clock } from "@hearth/platform";
import type { Context, Hono } from "hono";
import { z } from "zod";
import { named } from "../../api/named-schemas.js";
import type { UsageStore } from "../../store/usage-store.js";

import type { ForgetDeps } from "../accounts/forget-routes.js";
import { described, type Operation } from "../openapi/operation.js";
import { listSchema } from "../paged-list.js";
import type { HttpEnv } from "../routing.js";
import { csvAnswer } from "./csv.js";
import {
  describeTotals,
  describeUsage,
  readTotalsQuery,
  readUsageQuery,
  requestUsageSchema,
  totalsQuerySchema,
  usageQuerySchema,
  usageTotalsSchema,
} from "./usage-forms.js";

export interface UsageDeps {
  /** With what still waits to be written. */
  readonly usage: Pick<UsageStore, "list" | "totals"> & ForgetDeps["usage"];
  readonly clock: Clock;
}

/** Whose usage somebody sees. */
export interface UsageReach {
  readonly audience: "Account" | "Operator";
  /** Whose usage a request is about; `undefined` = everybody's. @throws HearthError for who may see none */
  readonly readAccount: (c: Context<HttpEnv>) => string | undefined | Promise<string | undefined>;
}

const LIST = named("RequestUsageList", listSchema(named("RequestUsage", requestUsageSchema)));
const TOTALS = named(
  "UsageTotals",
  z.object({
    object: z.literal("list"),
    data: z.array(named("UsageBucket", usageTotalsSchema)),
    has_more: z.boolean().meta({ description: "There are more sums than were asked for: ask for less time." }),
  }),
);

function operationsFor(audience: UsageReach["audience"]): Readonly<Record<"list" | "totals", Operation>> {
  const all = audience === "Operator" ? "All" : "";
  const whose = audience === "Operator" ? "of every account, or of one" : "of your account";
  return {
    list: {
      id: `list${all}Usage`,
      audience,
      summary: `List what each request ${whose} used, newest first`,
      description:
        "Numbers only: nothing of what was asked or answered is kept. `format=csv` gives the same as CSV. By anything but " +
        "time, account and end user at most 31 days are looked through at once: without `start_time` the last ones.",
      query: usageQuerySchema,
      answer: LIST,
    },
    totals: {
      id: `sum${all}Usage`,
      audience,
      summary: `Add up what requests ${whose} used, by minute, hour or day`,
      description: "Stretches are of UTC, oldest first. `format=csv` gives the same as CSV.",
      query: totalsQuerySchema,
      answer: TOTALS,
    },
  };
}

/** What requests used: an account's own, or an operator's everybody's. */
export function usageRoutes(app: Hono<HttpEnv>, deps: UsageDeps, { audience, readAccount }: UsageReach): void {
  const { usage, clock } = deps;
  const operations = operationsFor(audience);
  app.get(
    "/usage",
    described(operations.list, async (c) => {
      const account = await readAccount(c);
      const { format, limit, after, filter } = readUsageQuery(c.req.query(), account, clock.wallTime());
      const found = await usage.list({ ...filter, limit: limit + 1, after });
      const data = found.slice(0, limit).map(describeUsage);
      const has_more = found.length > limit;
      if (format === "csv") return csvAnswer(c, "usage", data, has_more);
      return c.json({ object: "list", data, last_id: data.at(-1)?.id ?? null, has_more });
    }),
  );
  app.get(
    "/usage/totals",
    described(operations.totals, async (c) => {
      const account = await readAccount(c);
      const { format, limit, unit, by, filter } = readTotalsQuery(c.req.query(), account, clock.wallTime());
      const found = await usage.totals({ ...filter, unit, by, limit: limit + 1 });
      const data = found.slice(0, limit).map((totals) => describeTotals(totals, unit));
      const has_more = found.length > limit;
      if (format === "csv") return csvAnswer(c, "usage-totals", data, has_more);
      return c.json({ object: "list", data, has_more });
    }),
  );
}
