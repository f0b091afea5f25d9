import type { IncomingMessage } from "node:http";
import { LIMITS } from "@hearth/protocol";
import { RESPONSE_ALREADY_SENT } from "@hono/node-server/utils/response";
import { Hono } from "hono";
import { countTokens } from "../api/messages/dialect.js";
import { countInputTokenSteps } from "../api/responses/to-internal.js";
import type { Enrolment } from "../enrolment/enrolment.js";
import type { ProviderDirectory } from "../fleet/provider-directory.js";
import { HearthError } from "../platform/errors.js";
import type { Trouble } from "../platform/health.js";
import { inTurns } from "../platform/steps.js";
import type { ReceiptBook } from "../request/receipt-book.js";
import { authenticate } from "./authenticate.js";
import { type CorsSettings, cors } from "./cors.js";
import { enrolmentRoutes } from "./enrolment-routes.js";
import { INFERENCE_ENDPOINTS } from "./inference-endpoints.js";
import { type InferenceDeps, receive, serveInference } from "./inference-route.js";
import { type ModelDeps, modelRoutes } from "./model-routes.js";
import { docsPage } from "./openapi/docs-page.js";
import { apiDocument } from "./openapi/document.js";
import { proofRoutes } from "./proof-routes.js";
import { declaredBytes } from "./read-body.js";
import { watchReadiness } from "./readiness.js";
import { answerErrors, type HttpEnv } from "./routing.js";
import { encryptionKeyRoutes } from "./sealed/encryption-key-route.js";
import { isSealed } from "./sealed/open-request.js";
import { storedResponseRoutes } from "./stored-response-routes.js";

export interface HttpDeps extends InferenceDeps, ModelDeps {
  readonly directory: ProviderDirectory;
  /** What the operator sees and does: `createAdminApp`. */
  readonly admin: Hono<HttpEnv>;
  readonly receipts: ReceiptBook;
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

/** All HTTP routes. `/ws/provider` is an upgrade and never reaches them. */
export function createHttpApp(deps: HttpDeps): Hono<HttpEnv> {
  const app = new Hono<HttpEnv>();
  answerErrors(app, deps.log);
  app.use("/v1/*", cors(deps.cors));
  inferenceRoutes(app, deps);
  tokenCountRoutes(app, deps);
  storedResponseRoutes(app, deps);
  modelRoutes(app, deps);
  encryptionKeyRoutes(app, deps);
  proofRoutes(app, deps);
  enrolmentRoutes(app, { ...deps, signInRefused: () => deps.metrics.enrolments.inc({ event: "sign_in_refused" }) });
  app.route("/admin", deps.admin);
  docsRoutes(app);
  healthRoutes(app, deps);
  return app;
}

function inferenceRoutes(app: Hono<HttpEnv>, deps: HttpDeps): void {
  for (const endpoint of INFERENCE_ENDPOINTS) {
    app.post(endpoint.path, async (c) => {
      await serveInference(deps, endpoint, c.env.incoming, c.env.outgoing);
      return RESPONSE_ALREADY_SENT;
    });
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

function tokenCountRoutes(app: Hono<HttpEnv>, deps: HttpDeps): void {
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
  }
}

/** What somebody sees who tries the bare address. */
const WELCOME = {
  name: "Hearth",
  api: "/v1",
  docs: "/docs",
  openapi: "/openapi.json",
  health: "/health",
};

function docsRoutes(app: Hono<HttpEnv>): void {
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

function healthRoutes(app: Hono<HttpEnv>, deps: HttpDeps): void {
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
