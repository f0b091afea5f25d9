import type { Hono } from "hono";
import { z } from "zod";
import { checkBody } from "../api/check-body.js";
import { named } from "../api/named-schemas.js";
import { described, type Operation } from "../http/openapi/operation.js";
import { listSchema, pageSchema } from "../http/paged-list.js";
import type { HttpEnv } from "../http/routing.js";
import type { AdminAction } from "../store/admin-action-store.js";
import type { ActionLog } from "./action-log.js";

const listQuery = pageSchema.extend({ key: z.string().min(1).max(128).optional() });

const actionSchema = z.object({
  id: z.string(),
  object: z.literal("admin.action"),
  created_at: z.int().meta({ description: "Seconds since 1970." }),
  key_id: z.string(),
  account: z.string().meta({ description: "That the key is of." }),
  method: z.string(),
  route: z.string(),
  target: z.string().nullable().meta({ description: "What it was done to, and what came of it." }),
  status: z.int().meta({ description: "Of the answer: 4xx = it was refused." }),
  changes: z
    .array(z.object({ path: z.string(), before: z.unknown().optional(), after: z.unknown().optional() }))
    .nullable()
    .meta({ description: "Of the settings; without values where there were too many of them." }),
});

const LIST: Operation = {
  id: "listAdminActions",
  audience: "Operator",
  summary: "List what was done with the operator's routes, and by whom, newest first",
  description:
    "Whatever may change something, also where it was refused. Bodies are not kept, but for what was changed of the settings.",
  query: listQuery,
  answer: named("AdminActionList", listSchema(named("AdminAction", actionSchema))),
};

export interface ActionRouteDeps {
  readonly actionLog: Pick<ActionLog, "answered" | "list">;
}

/** Shows what was done with these routes. */
export function actionRoutes(admin: Hono<HttpEnv>, { actionLog }: ActionRouteDeps): void {
  admin.get(
    "/audit",
    described(LIST, async (c) => {
      const { limit, after, account, key: keyId } = checkBody(listQuery, c.req.query());
      const found = await actionLog.list({ limit: limit + 1, after, account, keyId });
      const data = found.slice(0, limit).map(describe);
      return c.json({ object: "list", data, last_id: data.at(-1)?.id ?? null, has_more: found.length > limit });
    }),
  );
}

function describe({
  id,
  atMs,
  keyId,
  account,
  method,
  route,
  target,
  status,
  changes,
}: AdminAction): z.infer<typeof actionSchema> {
  return {
    id,
    object: "admin.action",
    created_at: Math.floor(atMs / 1_000),
    key_id: keyId,
    ...{ account, method, route, target: target === "" ? null : target, status },
    changes: changes === "" ? null : JSON.parse(changes),
  };
}
