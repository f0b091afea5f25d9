import type { Duplex } from "node:stream";
import { Hono } from "hono";
import type { Principals } from "../accounts/resolution.js";
import type { SignIn } from "../accounts/sign-in.js";
import { readJson } from "../api/check-body.js";
import { named } from "../api/named-schemas.js";
import { type RuntimeManifest, runtimeManifestSchema } from "../fleet/trust/runtime-manifest.js";
import { forgetRoutes } from "../http/accounts/forget-routes.js";
import { authenticate } from "../http/authenticate.js";
import { type MachineDeps, machineRoutes } from "../http/enrolment/machine-routes.js";
import { allPricesRoute, type ListedPriceDeps } from "../http/money/price-routes.js";
import { described, type Operation } from "../http/openapi/operation.js";
import { readBody } from "../http/read-body.js";
import type { HttpEnv } from "../http/routing.js";
import { type TimelineDeps, timelineRoutes } from "../http/timeline/request-routes.js";
import { type UsageDeps, usageRoutes } from "../http/usage/usage-routes.js";
import type { Logger } from "../platform/logger.js";
import { type AccountRouteDeps, accountRoutes } from "./accounts.js";
import { type ActionRouteDeps, actionRoutes } from "./action-routes.js";
import { type AdoptionDeps, adoptionRoute } from "./adoption.js";
import { type BreakerRouteDeps, breakerRoutes } from "./breaker.js";
import { type CatalogRouteDeps, catalogRoutes } from "./catalog.js";
import { type ConfigRouteDeps, configRoutes } from "./config.js";
import { type ExplainRouteDeps, explainRoute } from "./explain.js";
import { type LiveRouteDeps, liveRoute } from "./live-route.js";
import { logLevelRoutes } from "./log-level.js";
import { type ModelRouteDeps, modelRoutes } from "./models.js";
import { type AdminMoneyDeps, accountOf, adminMoneyRoutes } from "./money-routes.js";
import { type OwnerRouteDeps, ownerRoute } from "./owner.js";
import { type ProviderRouteDeps, providerRoutes } from "./providers.js";
import { signInLinkRoute } from "./sign-in-links.js";

/** What the operator has said, as far as the admin API shows and changes it. */
interface AdminDocument {
  readonly current: { readonly manifest: RuntimeManifest };
  /** @throws HearthError `invalid_request` when it does not fit to the rest */
  replaceManifest(manifest: RuntimeManifest): Promise<void>;
}

export interface AdminDeps
  extends MachineDeps,
    UsageDeps,
    AdminMoneyDeps,
    ProviderRouteDeps,
    OwnerRouteDeps,
    AdoptionDeps,
    ListedPriceDeps,
    TimelineDeps,
    ExplainRouteDeps,
    BreakerRouteDeps,
    ActionRouteDeps,
    AccountRouteDeps,
    ConfigRouteDeps,
    CatalogRouteDeps,
    LiveRouteDeps,
    ModelRouteDeps {
  /** The operator's key, and those of accounts. */
  readonly operators: Principals;
  readonly signIn: SignIn;
  readonly log: Pick<Logger, "level">;
  readonly operator: AdminDocument;
  readonly operatorSettings: ConfigRouteDeps["operatorSettings"] & CatalogRouteDeps["operatorSettings"];
  readonly actionLog: ActionRouteDeps["actionLog"] & ConfigRouteDeps["actionLog"];
  /** The connection is the operator's. */
  readonly recognised: (socket: Duplex) => void;
}

/** Bytes of a manifest at most. */
const MAX_MANIFEST_BYTES = 4 * 1024 * 1024;
const MANIFEST = named("RuntimeManifest", runtimeManifestSchema);

const GET_MANIFEST: Operation = {
  id: "retrieveRuntimeManifest",
  audience: "Operator",
  summary: "Get the list of known good programs, templates and weights",
  answer: MANIFEST,
};

const PUT_MANIFEST: Operation = {
  id: "replaceRuntimeManifest",
  audience: "Operator",
  summary: "Replace the list of known good programs, templates and weights",
  description: "Every connected machine is judged by it at once.",
  request: MANIFEST,
  answer: MANIFEST,
};

/** What the operator sees and does, to be mounted under `/admin`. Nothing of it answers without a key for it. */
export function createAdminApp(deps: AdminDeps): Hono<HttpEnv> {
  const { operator, operators } = deps;
  const admin = new Hono<HttpEnv>();
  admin.use(async (c, next) => {
    const { incoming } = c.env;
    const principal = await (incoming.method === "GET" || incoming.method === "HEAD"
      ? authenticate(incoming.headers, operators, "admin", "read")
      : authenticate(incoming.headers, operators, "admin"));
    deps.recognised(incoming.socket);
    await next();
    await deps.actionLog.answered(c, principal);
  });
  admin.get(
    "/runtime-manifest",
    described(GET_MANIFEST, (c) => c.json(operator.current.manifest)),
  );
  admin.put(
    "/runtime-manifest",
    described(PUT_MANIFEST, async (c) => {
      const manifest = readJson(runtimeManifestSchema, await readBody(c.env.incoming, MAX_MANIFEST_BYTES));
      await operator.replaceManifest(manifest);
      return c.json(manifest);
    }),
  );
  providerRoutes(admin, deps);
  ownerRoute(admin, deps);
  accountRoutes(admin, deps);
  adoptionRoute(admin, deps);
  signInLinkRoute(admin, deps);
  logLevelRoutes(admin, deps);
  machineRoutes(admin, deps, { audience: "Operator", readAccount: () => undefined });
  usageRoutes(admin, deps, { audience: "Operator", readAccount: () => undefined });
  timelineRoutes(admin, deps, { audience: "Operator", readAccount: () => undefined });
  explainRoute(admin, deps);
  breakerRoutes(admin, deps);
  actionRoutes(admin, deps);
  configRoutes(admin, deps);
  catalogRoutes(admin, deps);
  liveRoute(admin, deps);
  modelRoutes(admin, deps);
  adminMoneyRoutes(admin, deps, async (c) => (await authenticate(c.env.incoming.headers, operators)).keyId);
  allPricesRoute(admin, deps);
  forgetRoutes(admin, deps, {
    audience: "Operator",
    path: "/accounts/:id/data",
    readAccount: (c) => accountOf(c, deps),
  });
  return admin;
}
