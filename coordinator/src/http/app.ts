import type { HttpBindings } from "@hono/node-server";
import { RESPONSE_ALREADY_SENT } from "@hono/node-server/utils/response";
import { Hono } from "hono";
import { listProviders } from "../admin/providers.js";
import { errorResponse } from "../api/error-envelope.js";
import { listModels } from "../api/models.js";
import type { Registry } from "../fleet/registry.js";
import { createCredentials } from "../platform/credentials.js";
import { HearthError } from "../platform/errors.js";
import { authenticate } from "./authenticate.js";
import { type InferenceDeps, serveChatCompletion } from "./inference-route.js";
import { sendErrorTo } from "./node-consumer.js";

export interface HttpDeps extends InferenceDeps {
  readonly registry: Registry;
  readonly adminKey: string;
  /** Serving, and not on the way out. */
  readonly ready: () => boolean;
}

type Env = { Bindings: HttpBindings };

/** All HTTP routes. `/ws/provider` is an upgrade and never reaches them. */
export function createHttpApp(deps: HttpDeps): Hono<Env> {
  const app = new Hono<Env>();
  inferenceRoutes(app, deps);
  adminRoutes(app, deps);
  healthRoutes(app, deps);
  app.notFound((c) => {
    const error = new HearthError("not_found", `No route for ${c.req.method} ${c.req.path}.`);
    sendErrorTo(c.env.outgoing, errorResponse(error));
    return RESPONSE_ALREADY_SENT;
  });
  app.onError((thrown, c) => {
    const error = HearthError.from(thrown);
    if (error.code === "internal") deps.log.error({ err: thrown }, "route failed");
    sendErrorTo(c.env.outgoing, errorResponse(error));
    return RESPONSE_ALREADY_SENT;
  });
  return app;
}

function inferenceRoutes(app: Hono<Env>, deps: HttpDeps): void {
  app.post("/v1/chat/completions", async (c) => {
    await serveChatCompletion(deps, c.env.incoming, c.env.outgoing);
    return RESPONSE_ALREADY_SENT;
  });
  app.all("/v1/chat/completions", () => {
    throw new HearthError("method_not_allowed", "Use POST.");
  });
  app.get("/v1/models", (c) => {
    authenticate(c.env.incoming.headers, deps.apiKeys);
    return c.json(listModels(deps.registry.connected(), deps.clock));
  });
}

function adminRoutes(app: Hono<Env>, deps: HttpDeps): void {
  const admins = createCredentials([{ secret: deps.adminKey, account: "admin" }]);
  app.use("/admin/*", async (c, next) => {
    authenticate(c.env.incoming.headers, admins);
    await next();
  });
  app.get("/admin/providers", (c) => c.json(listProviders(deps.registry.providers(), deps.clock)));
}

function healthRoutes(app: Hono<Env>, deps: HttpDeps): void {
  app.get("/livez", (c) => c.json({ status: "ok" }));
  app.get("/readyz", (c) =>
    deps.ready() ? c.json({ status: "ready", providers: deps.registry.size }) : c.json({ status: "draining" }, 503),
  );
  app.get("/health", (c) => c.json({ status: deps.ready() ? "ok" : "draining", providers: deps.registry.size }));
  app.get("/metrics", async (c) => {
    c.header("Content-Type", deps.metrics.registry.contentType);
    return c.body(await deps.metrics.registry.metrics());
  });
}
