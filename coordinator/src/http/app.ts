import type { IncomingHttpHeaders, IncomingMessage } from "node:http";
import { describeFault } from "@hearth/platform";
import { LIMITS } from "@hearth/protocol";
import type { HttpBindings } from "@hono/node-server";
import { RESPONSE_ALREADY_SENT } from "@hono/node-server/utils/response";
import { Hono } from "hono";
import { listProviders } from "../admin/providers.js";
import { MAX_MANIFEST_BYTES, replaceManifest } from "../admin/runtime-manifest.js";
import { errorResponse, openAiErrorBody } from "../api/error-envelope.js";
import { countTokens } from "../api/messages/dialect.js";
import { messagesErrorBody } from "../api/messages/error-body.js";
import { countInputTokenSteps } from "../api/responses/to-internal.js";
import type { Enrolment } from "../enrolment/enrolment.js";
import type { ProviderDirectory } from "../fleet/provider-directory.js";
import type { ManifestKeeper } from "../fleet/trust/manifest-keeper.js";
import { type Credentials, createCredentials } from "../platform/credentials.js";
import { HearthError } from "../platform/errors.js";
import type { Trouble } from "../platform/health.js";
import { inTurns } from "../platform/steps.js";
import type { ErrorBody } from "../request/consumer.js";
import type { ReceiptBook } from "../request/receipt-book.js";
import { authenticate } from "./authenticate.js";
import { type CorsSettings, cors } from "./cors.js";
import { enrolmentRoutes } from "./enrolment-routes.js";
import { INFERENCE_ENDPOINTS } from "./inference-endpoints.js";
import { type InferenceDeps, receive, serveInference } from "./inference-route.js";
import { type ModelDeps, modelRoutes, wantsAnthropicForm } from "./model-routes.js";
import { sendErrorTo } from "./node-consumer.js";
import { docsPage } from "./openapi/docs-page.js";
import { apiDocument } from "./openapi/document.js";
import { proofRoutes } from "./proof-routes.js";
import { declaredBytes, readBody } from "./read-body.js";
import { watchReadiness } from "./readiness.js";
import { encryptionKeyRoutes } from "./sealed/encryption-key-route.js";
import { isSealed } from "./sealed/open-request.js";
import { storedResponseRoutes } from "./stored-response-routes.js";

export interface HttpDeps extends InferenceDeps, ModelDeps {
  readonly directory: ProviderDirectory;
  readonly adminKey: string;
  readonly receipts: ReceiptBook;
  readonly manifest: ManifestKeeper;
  readonly enrolment: Enrolment;
  readonly publicUrl: string | undefined;
  readonly readyGraceMs: number;
  /** Where a request comes from. */
  readonly addressOf: (incoming: IncomingMessage) => string;
  /** Which web pages may call the API; read at each use. */
  readonly cors: () => CorsSettings;
  /** Serving, and not on the way out. */
  readonly ready: () => boolean;
  /** What is wrong with the coordinator itself although it serves. */
  readonly troubles: () => readonly Trouble[];
}

type Env = { Bindings: HttpBindings };

/** All HTTP routes. `/ws/provider` is an upgrade and never reaches them. */
export function createHttpApp(deps: HttpDeps): Hono<Env> {
  const app = new Hono<Env>();
  const admins = createCredentials([{ secret: deps.adminKey, account: "admin" }]);
  app.use("/v1/*", cors(deps.cors));
  inferenceRoutes(app, deps);
  tokenCountRoutes(app, deps);
  storedResponseRoutes(app, deps);
  modelRoutes(app, deps);
  for (const path of ["/v1/models", "/v1/models/:id{.+}"]) app.all(path, methodNotAllowed("GET"));
  encryptionKeyRoutes(app, deps);
  proofRoutes(app, deps);
  const signInRefused = (): void => deps.metrics.enrolments.inc({ event: "sign_in_refused" });
  enrolmentRoutes(app, { ...deps, admins, signInRefused });
  docsRoutes(app);
  adminRoutes(app, deps, admins);
  healthRoutes(app, deps);
  app.notFound((c) => {
    const error = new HearthError("not_found", `No route for ${c.req.method} ${c.req.path}.`);
    sendErrorTo(c.env.outgoing, errorResponse(error, errorBodyFor(c.req.path, c.env.incoming.headers)));
    return RESPONSE_ALREADY_SENT;
  });
  app.onError((thrown, c) => {
    const error = HearthError.from(thrown);
    if (error.code === "internal") deps.log.error({ fault: describeFault(thrown) }, "route failed");
    sendErrorTo(c.env.outgoing, errorResponse(error, errorBodyFor(c.req.path, c.env.incoming.headers)));
    return RESPONSE_ALREADY_SENT;
  });
  return app;
}

/** The form of an error of which no dialect has heard: an unknown route, a wrong method, a model that is not there. */
function errorBodyFor(path: string, headers: IncomingHttpHeaders): ErrorBody {
  if (path === "/v1/messages" || path.startsWith("/v1/messages/")) return messagesErrorBody;
  const isOfModels = path === "/v1/models" || path.startsWith("/v1/models/");
  return isOfModels && wantsAnthropicForm(headers) ? messagesErrorBody : openAiErrorBody;
}

function inferenceRoutes(app: Hono<Env>, deps: HttpDeps): void {
  for (const endpoint of INFERENCE_ENDPOINTS) {
    app.post(endpoint.path, async (c) => {
      await serveInference(deps, endpoint, c.env.incoming, c.env.outgoing);
      return RESPONSE_ALREADY_SENT;
    });
    app.get(endpoint.path, async (c, next) => {
      // The upgrade itself is gone by now: what else a WebSocket's request has is left of it.
      if (c.env.incoming.headers["sec-websocket-key"] === undefined) return await next();
      throw new HearthError("websocket_unsupported", "WebSockets are not spoken here: use POST, which can stream.");
    });
    app.all(endpoint.path, methodNotAllowed("POST"));
  }
}

/** Routes that estimate how long a prompt is: nobody else is asked. */
const TOKEN_COUNTS: readonly {
  readonly path: string;
  readonly count: (raw: Buffer, deps: Pick<HttpDeps, "clock" | "bounds">) => object | Promise<object>;
}[] = [
  { path: "/v1/messages/count_tokens", count: countTokens },
  {
    path: "/v1/responses/input_tokens",
    count: (raw, { bounds }) => inTurns(countInputTokenSteps(raw, bounds), raw.length),
  },
];

function tokenCountRoutes(app: Hono<Env>, deps: HttpDeps): void {
  for (const { path, count } of TOKEN_COUNTS) {
    app.post(path, async (c) => {
      const { headers } = c.env.incoming;
      const account = authenticate(headers, deps.apiKeys);
      if (isSealed(headers["content-type"])) {
        throw new HearthError("invalid_request", "This route takes no sealed body.");
      }
      using upload = deps.uploads.begin(account, declaredBytes(c.env.incoming));
      const raw = await receive(upload, c.env.incoming, LIMITS.requestBodyBytes);
      return c.json(await count(raw, deps));
    });
    app.all(path, methodNotAllowed("POST"));
  }
}

function methodNotAllowed(allowed: string): () => never {
  return () => {
    throw new HearthError("method_not_allowed", `Use ${allowed}.`);
  };
}

/** What somebody sees who tries the bare address. */
const WELCOME = {
  name: "Hearth",
  api: "/v1",
  docs: "/docs",
  openapi: "/openapi.json",
  health: "/health",
};

function docsRoutes(app: Hono<Env>): void {
  // Answers HEAD as well, with which some clients look whether anybody is there.
  app.get("/", (c) => c.json(WELCOME));
  const document = apiDocument();
  const page = docsPage(document);
  app.get("/openapi.json", (c) => c.json(document));
  app.get("/docs", (c) => {
    c.header("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'");
    return c.html(page);
  });
}

function adminRoutes(app: Hono<Env>, deps: HttpDeps, admins: Credentials): void {
  app.use("/admin/*", async (c, next) => {
    authenticate(c.env.incoming.headers, admins);
    deps.recognised(c.env.incoming.socket);
    await next();
  });
  app.get("/admin/runtime-manifest", (c) => c.json(deps.manifest.current));
  app.put("/admin/runtime-manifest", async (c) =>
    c.json(await replaceManifest(deps.manifest, await readBody(c.env.incoming, MAX_MANIFEST_BYTES))),
  );
  app.get("/admin/providers", (c) => c.json(listProviders(deps.directory.providers(), c.req.query(), deps.clock)));
}

function healthRoutes(app: Hono<Env>, deps: HttpDeps): void {
  app.get("/livez", (c) => c.json({ status: "ok" }));
  const readiness = watchReadiness(deps);
  app.get("/readyz", (c) => {
    const told = readiness();
    return c.json(told, told.status === "ready" ? 200 : 503);
  });
  app.get("/health", (c) => {
    const reasons = deps.troubles();
    const serving = reasons.length === 0 ? "ok" : "degraded";
    return c.json({ status: deps.ready() ? serving : "draining", providers: deps.directory.size, reasons });
  });
  app.get("/metrics", async (c) => {
    c.header("Content-Type", deps.metrics.registry.contentType);
    return c.body(await deps.metrics.registry.metrics());
  });
}
