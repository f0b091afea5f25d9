import type { Hono } from "hono";
import { z } from "zod";
import { named } from "../api/named-schemas.js";
import { readFormOf } from "../http/accounts/key-routes.js";
import { described, type Operation } from "../http/openapi/operation.js";
import type { HttpEnv } from "../http/routing.js";
import { LOG_LEVELS, type Logger, type LogLevel } from "../platform/logger.js";

const levelSchema = z.strictObject({ level: z.enum(LOG_LEVELS) });
const LEVEL = named("LogLevel", levelSchema);

const GET_LEVEL: Operation = {
  id: "retrieveLogLevel",
  audience: "Operator",
  summary: "Get how much is logged",
  answer: LEVEL,
};

const PUT_LEVEL: Operation = {
  id: "replaceLogLevel",
  audience: "Operator",
  summary: "Change how much is logged, until the next start",
  request: LEVEL,
  answer: LEVEL,
};

/** How much is logged, by the coordinator that runs. */
export function logLevelRoutes(admin: Hono<HttpEnv>, { log }: { readonly log: Pick<Logger, "level"> }): void {
  admin.get(
    "/log-level",
    described(GET_LEVEL, (c) => c.json({ level: log.level as LogLevel })),
  );
  admin.put(
    "/log-level",
    described(PUT_LEVEL, async (c) => {
      const { level } = await readFormOf(c, levelSchema);
      log.level = level;
      return c.json({ level });
    }),
  );
}
