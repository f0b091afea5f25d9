import type { Context, Hono } from "hono";
import { z } from "zod";
import { Sessions } from "../../accounts/sessions.js";
import { named } from "../../api/named-schemas.js";
import type { OidcClient, PendingLogIn } from "../../oidc/oidc-client.js";
import { type Claims, rolesOf, verifiedEmail } from "../../oidc/roles.js";
import { CALLBACK_PATH, type OidcSettings } from "../../oidc/settings.js";
import type { Logger } from "../../platform/logger.js";
import { described, type Operation } from "../openapi/operation.js";
import type { HttpEnv } from "../routing.js";
import type { PageSessionDeps, PageSessions } from "./page-session.js";
import { logInCookie, logInOf } from "./session-cookie.js";

/** An identity provider to sign in with. */
export interface OidcLogIn {
  readonly settings: OidcSettings;
  readonly client: Pick<OidcClient, "begin" | "end">;
  readonly log: Logger;
}

export interface OidcRouteDeps extends PageSessionDeps {
  readonly oidc: OidcLogIn | undefined;
  readonly sessions: PageSessions;
}

/** Why somebody is not signed in: the page has words for each. */
type Refusal = "busy" | "denied" | "expired" | "invalid" | "no_role" | "unreachable";

const START_PATH = "/dashboard/oidc/start";
/** How long somebody may take at the identity provider, ms. */
const LOG_IN_MS = 10 * 60_000;
/** Who is there at once, and of one address; the oldest goes first. */
const MAX_LOG_INS = 10_000;
/** Characters of what comes back. */
const MAX_SEARCH = 8 * 1024;
/** Characters of whom the log of actions names. */
const MAX_NAME = 120;

const METHODS: Operation = {
  id: "listSignInMethods",
  audience: "Account",
  summary: "Get how people sign in on the web page, beside keys and links",
  answer: named(
    "SignInMethods",
    z.object({
      object: z.literal("sign_in_methods"),
      oidc: z
        .object({ name: z.string(), path: z.string().meta({ description: "Where a browser begins." }) })
        .nullable()
        .meta({ description: "The identity provider; `null` = none is set up." }),
    }),
  ),
  open: true,
};

/** Signing in with an identity provider. It ends in the same session as signing in with a key. */
export function oidcRoutes(app: Hono<HttpEnv>, deps: OidcRouteDeps): void {
  const { oidc } = deps;
  app.get(
    "/dashboard/sign-in-methods",
    described(METHODS, (c) =>
      c.json({ object: "sign_in_methods", oidc: oidc ? { name: oidc.settings.name, path: START_PATH } : null }),
    ),
  );
  if (oidc === undefined) return;
  const logIns = new LogIns(deps, oidc);
  app.get(START_PATH, (c) => logIns.begin(c));
  app.get(CALLBACK_PATH, (c) => logIns.end(c));
}

class LogIns {
  readonly #deps: OidcRouteDeps;
  readonly #oidc: OidcLogIn;
  readonly #pending: Sessions<PendingLogIn>;

  constructor(deps: OidcRouteDeps, oidc: OidcLogIn) {
    this.#deps = deps;
    this.#oidc = oidc;
    this.#pending = new Sessions(deps.clock, () => ({ lastsMs: LOG_IN_MS, most: MAX_LOG_INS }), "hi-");
  }

  async begin(c: Context<HttpEnv>): Promise<Response> {
    if (this.#deps.sessions.blockedMs(c) > 0) return toPage(c, "busy");
    const begun = await this.#oidc.client.begin();
    if (begun.type !== "begun") return toPage(c, "unreachable");
    this.#setCookie(c, this.#pending.open(begun.pending).id);
    return c.redirect(begun.url, 303);
  }

  async end(c: Context<HttpEnv>): Promise<Response> {
    const { sessions } = this.#deps;
    const logIn = logInOf(c.env.incoming.headers);
    // Once, however it ends: what comes a second time finds nothing.
    const pending = logIn === undefined ? undefined : this.#pending.end(logIn);
    this.#setCookie(c, "");
    if (sessions.blockedMs(c) > 0) return toPage(c, "busy");
    const refusal = await this.#signIn(c, pending);
    if (refusal === "expired" || refusal === "invalid" || refusal === "no_role") sessions.refused(c);
    return toPage(c, refusal);
  }

  /** @returns why not */
  async #signIn(c: Context<HttpEnv>, pending: PendingLogIn | undefined): Promise<Refusal | undefined> {
    const { search } = new URL(c.req.url);
    if (pending === undefined) return "expired";
    if (search.length > MAX_SEARCH) return "invalid";
    const ended = await this.#oidc.client.end(search, pending);
    if (ended.type !== "vouched") return ended.type;
    return this.#open(c, ended.claims);
  }

  async #open(c: Context<HttpEnv>, claims: Claims): Promise<Refusal | undefined> {
    const { settings, log } = this.#oidc;
    const { operator, account } = rolesOf(claims, settings.roles);
    const name = (verifiedEmail(claims) ?? claims.sub).slice(0, MAX_NAME);
    const person = { id: `oidc:${name}`, name: `${name} (${settings.name})`, operator, account };
    const opened =
      operator === undefined && account === undefined
        ? undefined
        : await this.#deps.sessions.open(c, { type: "person", person });
    if (opened === undefined) {
      log.info({ key: person.id, account }, "sign-in without a role");
      return "no_role";
    }
    log.info({ key: person.id, operator, account }, "signed in with the identity provider");
    this.#deps.sessions.setCookie(c, opened.id);
    return undefined;
  }

  #setCookie(c: Context<HttpEnv>, id: string): void {
    const maxAgeSeconds = id === "" ? 0 : LOG_IN_MS / 1_000;
    c.header("Set-Cookie", logInCookie(id, maxAgeSeconds, this.#deps.sessions.isSecure(c)), { append: true });
    c.header("Cache-Control", "no-store");
  }
}

/** Behind the #, so that it is in no log on the way. */
const toPage = (c: Context<HttpEnv>, refusal: Refusal | undefined): Response =>
  c.redirect(`/dashboard/${refusal === undefined ? "" : `#sign-in=${refusal}`}`, 303);
