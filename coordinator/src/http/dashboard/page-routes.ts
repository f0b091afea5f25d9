import { serveStatic } from "@hono/node-server/serve-static";
import type { Hono, MiddlewareHandler } from "hono";
import { secureHeaders } from "hono/secure-headers";
import { HearthError } from "../../platform/errors.js";
import type { HttpEnv } from "../routing.js";

const ROOT = "/dashboard";

/** Nothing but what comes from here runs on the page, nothing frames it, and what it says goes nowhere else. */
const HEADERS: MiddlewareHandler = secureHeaders({
  contentSecurityPolicy: {
    defaultSrc: ["'none'"],
    scriptSrc: ["'self'"],
    styleSrc: ["'self'"],
    imgSrc: ["'self'", "data:"],
    fontSrc: ["'self'"],
    connectSrc: ["'self'"],
    baseUri: ["'none'"],
    formAction: ["'self'"],
    frameAncestors: ["'none'"],
  },
  referrerPolicy: "no-referrer",
  xFrameOptions: "DENY",
  // Whether there is HTTPS is for what stands before the coordinator to say.
  strictTransportSecurity: false,
});

/** The names of these change with what is in them. */
const HASHED = /^\/dashboard\/assets\//;

/**
 * The web page of operators, owners and consumers, as it was built.
 *
 * @param dir absolute; `undefined` = it has not been built
 */
export function pageRoutes(app: Hono<HttpEnv>, dir: string | undefined): void {
  app.get(ROOT, (c) => c.redirect(`${ROOT}/`, 308));
  app.use(`${ROOT}/*`, HEADERS);
  if (dir === undefined) {
    app.get(`${ROOT}/*`, () => {
      throw new HearthError("not_found", "The web page has not been built here: `npm run setup` does.");
    });
    return;
  }
  const files = serveStatic<HttpEnv>({
    root: dir,
    precompressed: true,
    rewriteRequestPath: (path) => path.slice(ROOT.length),
    onFound: (_path, c) => {
      c.header("Cache-Control", HASHED.test(c.req.path) ? "public, max-age=31536000, immutable" : "no-cache");
    },
  });
  const index = serveStatic<HttpEnv>({
    root: dir,
    path: "index.html",
    precompressed: true,
    onFound: (_path, c) => c.header("Cache-Control", "no-cache"),
  });
  app.get(`${ROOT}/*`, files);
  // The page has addresses of its own, which it reads itself.
  app.get(`${ROOT}/*`, (c, next) => {
    if (c.env.incoming.headers.accept?.includes("text/html")) return index(c, next);
    throw new HearthError("not_found", "The web page has no such file.");
  });
}
