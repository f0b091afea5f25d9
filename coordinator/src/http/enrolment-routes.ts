import type { Hono } from "hono";
import { deviceRoutes } from "./enrolment/device-routes.js";
import type { EnrolmentHttpDeps, Env } from "./enrolment/enrolment-http.js";
import { machineRoutes } from "./enrolment/machine-routes.js";
import { oauthRoutes } from "./enrolment/oauth-routes.js";

export type { EnrolmentHttpDeps } from "./enrolment/enrolment-http.js";

/** Everything that lets machines in and out: the device flow with its page, one-use tokens, lists and revocation. */
export function enrolmentRoutes(app: Hono<Env>, deps: EnrolmentHttpDeps): void {
  oauthRoutes(app, deps);
  deviceRoutes(app, deps);
  machineRoutes(app, deps);
}
