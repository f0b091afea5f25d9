import type { IncomingMessage } from "node:http";
import { RESPONSE_ALREADY_SENT } from "@hono/node-server/utils/response";
import { type Context, Hono } from "hono";
import { ENDPOINTS } from "../api/endpoints.js";
import { forgetRoutes } from "./accounts/forget-routes.js";
import { reachOf } from "./accounts/key-reach.js";
import { type NotificationDeps, notificationRoutes } from "./accounts/notification-routes.js";
import { type OwnKeyDeps, ownKeyRoutes } from "./accounts/own-key-routes.js";
import { authenticate } from "./authenticate.js";
import { type CorsSettings, cors } from "./cors.js";
import { pageRoutes } from "./dashboard/page-routes.js";
import { type SessionDeps, sessionRoutes } from "./dashboard/session-routes.js";
import type { MachineDeps } from "./enrolment/machine-routes.js";
import { type PauseDeps, pauseRoutes } from "./enrolment/pause-routes.js";
import { enrolmentRoutes } from "./enrolment-routes.js";
import { type HealthDeps, healthRoutes } from "./health-routes.js";
import { type InferenceDeps, serveInference } from "./inference-route.js";
import { type ModelDeps, modelRoutes } from "./model-routes.js";
import { type MoneyDeps, moneyRoutes, payoutRoutes } from "./money/money-routes.js";
import { type OwnerPriceDeps, ownPriceRoutes } from "./money/price-routes.js";
import { docsRoutes } from "./openapi/docs-routes.js";
import { described, type Operation } from "./openapi/operation.js";
import type { OperatorsDoor } from "./operators-door.js";
import { pageSchema } from "./paged-list.js";
import { type ProofDeps, proofRoutes } from "./proof-routes.js";
import { type ListedWith, listProviders, PROVIDERS } from "./provider-list.js";
import { answerErrors, type HttpEnv, postOnly } from "./routing.js";
import { encryptionKeyRoutes } from "./sealed/encryption-key-route.js";
import { storedResponseRoutes } from "./stored-response-routes.js";
import { type MachineInsightDeps, machineInsightRoute } from "./timeline/machine-route.js";
import { type TimelineDeps, timelineRoutes } from "./timeline/request-routes.js";
import { tokenCountRoutes } from "./token-count-routes.js";
import { type UsageDeps, usageRoutes } from "./usage/usage-routes.js";

export interface HttpDeps
  extends InferenceDeps,
    ModelDeps,
    ProofDeps,
    UsageDeps,
    ListedWith,
    MachineDeps,
    OwnKeyDeps,
    TimelineDeps,
    Pick<MachineInsightDeps, "explainMachine">,
    Pick<PauseDeps, "machinePauses">,
    MoneyDeps,
    NotificationDeps,
    Omit<OwnerPriceDeps, "directory">,
    Omit<SessionDeps, "signInRefused">,
    Omit<HealthDeps, "directory"> {
  /** What the operator sees and does: `createAdminApp`. */
  readonly admin: Hono<HttpEnv>;
  readonly operatorsDoor: OperatorsDoor;
  readonly publicUrl: string | undefined;
  /** Where the web page was built; `undefined` = nowhere. */
  readonly dashboardDir: string | undefined;
  /** Where a request comes from. */
  readonly addressOf: (incoming: IncomingMessage) => string;
  /** Which web pages may call the API; read at each use. */
  readonly cors: () => CorsSettings;
}

/** All HTTP routes. `/ws/provider` is an upgrade and never reaches them. */
export function createHttpApp(deps: HttpDeps): Hono<HttpEnv> {
  const app = new Hono<HttpEnv>();
  answerErrors(app, deps.log);
  const pages = cors(deps.cors);
  app.use("/v1/*", pages);
  for (const { path } of ENDPOINTS) if (!path.startsWith("/v1/")) app.use(path, pages);
  inferenceRoutes(app, deps);
  tokenCountRoutes(app, deps);
  storedResponseRoutes(app, deps);
  modelRoutes(app, deps);
  encryptionKeyRoutes(app, deps);
  proofRoutes(app, deps);
  ownKeyRoutes(app, deps);
  deps.operatorsDoor.guard(app, "/admin/*", "/metrics");
  const signInRefused = (): void => deps.metrics.enrolments.inc({ event: "sign_in_refused" });
  enrolmentRoutes(app, { ...deps, signInRefused });
  sessionRoutes(app, { ...deps, signInRefused });
  app.route("/v1/me", ownRoutes(deps));
  app.route("/admin", deps.admin);
  docsRoutes(app);
  healthRoutes(app, deps);
  pageRoutes(app, deps.dashboardDir);
  return app;
}

const OWN_PROVIDERS: Operation = {
  id: "listOwnProviders",
  audience: "Account",
  summary: "List the machines of your account that are connected or expected back, and what is held against each",
  query: pageSchema.omit({ account: true }),
  answer: PROVIDERS,
};

/** What an account sees of itself. */
function ownRoutes(deps: HttpDeps): Hono<HttpEnv> {
  const own = new Hono<HttpEnv>();
  const readAccount = async (c: Context<HttpEnv>): Promise<string> =>
    (await authenticate(c.env.incoming.headers, deps.principals)).account;
  usageRoutes(own, deps, {
    audience: "Account",
    readAccount,
  });
  // What the operator calls a machine is his own affair.
  const machineNotes: HttpDeps["machineNotes"] = { of: (id) => ({ ...deps.machineNotes.of(id), label: "" }) };
  const unlabelled = { ...deps, machineNotes };
  machineInsightRoute(own, deps, readAccount);
  timelineRoutes(own, deps, { audience: "Account", readAccount });
  moneyRoutes(own, deps, { audience: "Account", at: "", readAccount });
  own.get(
    "/providers",
    described(OWN_PROVIDERS, async (c) => {
      const account = await readAccount(c);
      return c.json(listProviders(deps.directory.providers(), { ...c.req.query(), account }, unlabelled));
    }),
  );
  forgetRoutes(own, deps, {
    audience: "Account",
    path: "/data",
    readAccount: async (c) => {
      const principal = await authenticate(c.env.incoming.headers, deps.principals);
      // Whoever could make and end every key of the account may.
      const reach = reachOf(principal);
      reach.mayGive(principal.scopes.has("provider") ? [] : ["provider"]);
      return reach.account;
    },
  });
  notificationRoutes(own, deps, {
    readAccount,
    async mayChange(c) {
      const reach = reachOf(await authenticate(c.env.incoming.headers, deps.principals));
      // It tells of the account's money and of all of its machines.
      reach.mayGive([]);
      return reach.account;
    },
  });
  const readOwner = async (c: Context<HttpEnv>): Promise<string> =>
    (await authenticate(c.env.incoming.headers, deps.principals, "provider")).account;
  pauseRoutes(own, deps, readOwner);
  ownPriceRoutes(own, deps, readOwner);
  payoutRoutes(own, deps, async (c) => await authenticate(c.env.incoming.headers, deps.principals, "provider"));
  return own;
}

function inferenceRoutes(app: Hono<HttpEnv>, deps: HttpDeps): void {
  for (const endpoint of ENDPOINTS) {
    const operation = { ...endpoint.description, audience: "Inference", directed: true, sealable: true } as const;
    postOnly(
      app,
      endpoint.path,
      described(operation, async (c) => {
        await serveInference(deps, endpoint, c.env.incoming, c.env.outgoing);
        return RESPONSE_ALREADY_SENT;
      }),
    );
  }
}
