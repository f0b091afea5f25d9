import type { Duplex } from "node:stream";
import { Hono } from "hono";
import type { ProviderDirectory } from "../fleet/provider-directory.js";
import type { ManifestKeeper } from "../fleet/trust/manifest-keeper.js";
import { authenticate } from "../http/authenticate.js";
import { type MachineDeps, machineRoutes } from "../http/enrolment/machine-routes.js";
import { readBody } from "../http/read-body.js";
import type { HttpEnv } from "../http/routing.js";
import { createCredentials } from "../platform/credentials.js";
import { listProviders } from "./providers.js";
import { MAX_MANIFEST_BYTES, replaceManifest } from "./runtime-manifest.js";

export interface AdminDeps extends MachineDeps {
  readonly adminKey: string;
  readonly directory: ProviderDirectory;
  readonly manifest: ManifestKeeper;
  /** The connection is the operator's. */
  readonly recognised: (socket: Duplex) => void;
}

/** What the operator sees and does, to be mounted under `/admin`. Nothing of it answers without the operator's key. */
export function createAdminApp(deps: AdminDeps): Hono<HttpEnv> {
  const { directory, manifest, clock } = deps;
  const admin = new Hono<HttpEnv>();
  const operator = createCredentials([{ secret: deps.adminKey, account: "admin" }]);
  admin.use(async (c, next) => {
    authenticate(c.env.incoming.headers, operator);
    deps.recognised(c.env.incoming.socket);
    await next();
  });
  admin.get("/runtime-manifest", (c) => c.json(manifest.current));
  admin.put("/runtime-manifest", async (c) =>
    c.json(await replaceManifest(manifest, await readBody(c.env.incoming, MAX_MANIFEST_BYTES))),
  );
  admin.get("/providers", (c) => c.json(listProviders(directory.providers(), c.req.query(), clock)));
  machineRoutes(admin, deps, () => undefined);
  return admin;
}
