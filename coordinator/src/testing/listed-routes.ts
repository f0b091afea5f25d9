import { FakeClock } from "@hearth/platform/testing";
import type { Hono } from "hono";
import { pino } from "pino";
import { type AdminDeps, createAdminApp } from "../admin/routes.js";
import { createHttpApp, type HttpDeps } from "../http/app.js";
import { OperatorsDoor } from "../http/operators-door.js";
import type { HttpEnv } from "../http/routing.js";

/** All routes as a coordinator has them, to be listed and described; nothing is behind them that could answer. */
export function listedRoutes(): Hono<HttpEnv> {
  const clock = new FakeClock();
  const log = pino({ level: "silent" });
  const directory = { size: 0, expected: 0 } as HttpDeps["directory"];
  const forAdmin: Partial<AdminDeps> = { clock, directory };
  const admin = createAdminApp(forAdmin as AdminDeps);
  const noPages: HttpDeps["cors"] = () => ({ origins: [], maxAgeSeconds: 0 });
  const operatorsDoor = new OperatorsDoor(false);
  const deps: Partial<HttpDeps> = { admin, clock, log, directory, operatorsDoor, cors: noPages, readyGraceMs: 0 };
  return createHttpApp(deps as HttpDeps);
}
