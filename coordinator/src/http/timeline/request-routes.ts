import type { Context, Hono } from "hono";
import { checkBody } from "../../api/check-body.js";
import { named } from "../../api/named-schemas.js";
import { HearthError } from "../../platform/errors.js";
import type { RecentRequests } from "../../timeline/recent-requests.js";
import { described, type Operation } from "../openapi/operation.js";
import { listSchema } from "../paged-list.js";
import type { HttpEnv } from "../routing.js";
import {
  describeDetail,
  describeSummary,
  ownRequestsQuerySchema,
  REQUEST_DETAIL,
  REQUEST_SUMMARY,
  requestsQuerySchema,
} from "./request-forms.js";

export interface TimelineDeps {
  readonly timelines: Pick<RecentRequests, "list" | "find" | "forget" | "since">;
}

/** Whose requests somebody sees. */
export interface TimelineReach {
  readonly audience: "Account" | "Operator";
  /** Whose they have to be; `undefined` = anybody's. @throws HearthError for who may see none */
  readonly readAccount: (c: Context<HttpEnv>) => string | undefined | Promise<string | undefined>;
}

const LIST = named("RequestList", listSchema(REQUEST_SUMMARY));

function operationsFor(audience: TimelineReach["audience"]): Readonly<Record<"list" | "retrieve", Operation>> {
  const isOperator = audience === "Operator";
  const all = isOperator ? "All" : "Own";
  return {
    list: {
      id: `list${all}Requests`,
      audience,
      summary: `List the requests of late ${isOperator ? "of every account, or of one" : "of your account"}, newest first`,
      description:
        "Those that run as well. They are kept in memory, as many as `timelines` says; a restart forgets them.",
      query: isOperator ? requestsQuerySchema : ownRequestsQuerySchema,
      answer: LIST,
    },
    retrieve: {
      id: `retrieve${isOperator ? "Any" : "Own"}Request`,
      audience,
      summary: "Get what became of a request: its attempts in order, why each moved on, and what was never tried",
      answer: REQUEST_DETAIL,
    },
  };
}

/** What became of the requests of late: an account's own, or an operator's everybody's. */
export function timelineRoutes(
  app: Hono<HttpEnv>,
  { timelines }: TimelineDeps,
  { audience, readAccount }: TimelineReach,
): void {
  const operations = operationsFor(audience);
  app.get(
    "/requests",
    described(operations.list, async (c) => {
      const own = await readAccount(c);
      const { limit, account, ...query } = checkBody(requestsQuerySchema, c.req.query());
      const found = timelines.list({ ...query, account: own ?? account, limit: limit + 1 });
      const data = found.slice(0, limit).map(describeSummary);
      const last_id = data.at(-1)?.id ?? null;
      return c.json({ object: "list", data, last_id, has_more: found.length > limit });
    }),
  );
  app.get(
    "/requests/:id",
    described(operations.retrieve, async (c) => {
      const found = timelines.find(c.req.param("id") ?? "", await readAccount(c));
      if (found === undefined) throw new HearthError("not_found", "There is no such request, or not any more.");
      return c.json(describeDetail(found, audience));
    }),
  );
}
