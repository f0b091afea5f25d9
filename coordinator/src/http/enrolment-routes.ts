import { Hono } from "hono";
import { authenticate } from "./authenticate.js";
import { deviceRoutes } from "./enrolment/device-routes.js";
import type { EnrolmentHttpDeps } from "./enrolment/enrolment-http.js";
import { machineRoutes } from "./enrolment/machine-routes.js";
import { oauthRoutes } from "./enrolment/oauth-routes.js";
import type { HttpEnv } from "./routing.js";

export type { EnrolmentHttpDeps } from "./enrolment/enrolment-http.js";

/** Everything that lets machines in and out: the device flow with its page, one-use tokens, lists and revocation. */
export function enrolmentRoutes(app: Hono<HttpEnv>, deps: EnrolmentHttpDeps): void {
  oauthRoutes(app, deps);
  deviceRoutes(app, deps);
  const owners = new Hono<HttpEnv>();
  machineRoutes(owners, deps, {
    audience: "Machines",
    readAccount: async (c) => (await authenticate(c.env.incoming.headers, deps.principals, "provider")).account,
  });
  app.route("/v1", owners);
}
