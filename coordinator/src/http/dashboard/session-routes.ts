import type { Context, Hono } from "hono";
import { z } from "zod";
import type { Principal } from "../../accounts/principal.js";
import type { SignedIn, SignIn } from "../../accounts/sign-in.js";
import { readJson } from "../../api/check-body.js";
import { named } from "../../api/named-schemas.js";
import { GuessLimiter } from "../../enrolment/guess-limiter.js";
import { HearthError } from "../../platform/errors.js";
import { secretDigest } from "../../platform/secret-digest.js";
import { SCOPES } from "../../store/account-store.js";
import { described, type Operation } from "../openapi/operation.js";
import { readBody } from "../read-body.js";
import type { HttpEnv } from "../routing.js";
import { type OidcLogIn, oidcRoutes } from "./oidc-routes.js";
import { type PageSessionDeps, PageSessions } from "./page-session.js";
import { isFromPage, sessionOf } from "./session-cookie.js";

export interface SessionDeps extends PageSessionDeps {
  /** The identity provider that people sign in with; `undefined` = none. */
  readonly oidc: OidcLogIn | undefined;
}

/** Bytes of a key or a link, with what is around it. */
const MAX_BODY_BYTES = 4 * 1024;

const credentialSchema = z.union([
  z.strictObject({ key: z.string().min(1).max(512) }),
  z.strictObject({ link: z.string().min(1).max(512) }),
]);

const ROLES = ["operator", "owner", "consumer"] as const;

const sessionSchema = z.object({
  account: z.string(),
  key_id: z.string(),
  scopes: z.array(z.enum(SCOPES)),
  role: z.enum(ROLES).meta({ description: "The face that the page shows: what the scopes go furthest for." }),
  expires_at: z.int().meta({ description: "Unix time, seconds." }),
});
type SessionAnswer = z.infer<typeof sessionSchema>;

const SESSION = named("Session", sessionSchema);

const SIGN_IN: Operation = {
  id: "signIn",
  audience: "Account",
  summary: "Sign in on the web page, with a key or a link that is good once",
  description:
    "Sets a cookie that counts in requests of the page alone. An address that guesses is made to wait (429).",
  request: named("SignIn", credentialSchema),
  answer: SESSION,
  open: true,
};

const GET_SESSION: Operation = {
  id: "retrieveSession",
  audience: "Account",
  summary: "Get who is signed in on the web page",
  answer: SESSION,
};

const SIGN_OUT: Operation = {
  id: "signOut",
  audience: "Account",
  summary: "Sign out of the web page",
  answer: named("SignedOut", z.object({ object: z.literal("session"), deleted: z.literal(true) })),
  open: true,
};

/** Who is signed in on the web page, which sends what it is given with every request to the API. */
export function sessionRoutes(app: Hono<HttpEnv>, deps: SessionDeps): void {
  const sessions = new PageSessions(deps, new GuessLimiter(deps.clock, deps.signInSettings));
  app.post(
    "/dashboard/session",
    described(SIGN_IN, (c) => signIn(c, deps, sessions)),
  );
  app.get(
    "/dashboard/session",
    described(GET_SESSION, (c) => show(c, deps, sessions)),
  );
  app.delete(
    "/dashboard/session",
    described(SIGN_OUT, (c) => signOut(c, deps, sessions)),
  );
  oidcRoutes(app, { ...deps, sessions });
}

async function signIn(c: Context<HttpEnv>, deps: SessionDeps, sessions: PageSessions): Promise<Response> {
  const { incoming } = c.env;
  if (!isFromPage(incoming.headers)) throw new HearthError("invalid_request", "Only the web page signs in here.");
  checkGuesses(sessions.blockedMs(c));
  const who = whoOf(readJson(credentialSchema, await readBody(incoming, MAX_BODY_BYTES)), deps.signIn);
  const opened = who === undefined ? undefined : await sessions.open(c, who);
  if (opened === undefined) {
    sessions.refused(c);
    throw new HearthError("invalid_api_key", "This is no key or link that is good now.");
  }
  sessions.setCookie(c, opened.id);
  return c.json(describe(opened.principal, opened.expiresAtMs, sessions.isOperators(c)));
}

async function show(c: Context<HttpEnv>, { signIn: kept }: SessionDeps, sessions: PageSessions): Promise<Response> {
  const id = sessionOf(c.env.incoming.headers) ?? "";
  const expiresAtMs = kept.endOf(id);
  const principal = expiresAtMs === undefined ? undefined : await sessions.principalOf(c, id);
  if (principal !== undefined && expiresAtMs !== undefined) {
    return c.json(describe(principal, expiresAtMs, sessions.isOperators(c)));
  }
  throw new HearthError("invalid_api_key", "You are not signed in.");
}

function signOut(c: Context<HttpEnv>, { signIn: kept }: SessionDeps, sessions: PageSessions): Response {
  const id = sessionOf(c.env.incoming.headers);
  if (id !== undefined) {
    kept.close(id);
    sessions.setCookie(c, "");
  }
  return c.json({ object: "session", deleted: true });
}

function checkGuesses(waitMs: number): void {
  if (waitMs === 0) return;
  throw new HearthError("rate_limit_exceeded", "Too many keys from here were none: wait before you try again.", {
    retryAfterSeconds: Math.ceil(waitMs / 1000),
  });
}

function whoOf(given: z.infer<typeof credentialSchema>, kept: SignIn): SignedIn | undefined {
  return "key" in given ? { type: "key", digest: secretDigest(given.key.trim()) } : kept.redeem(given.link);
}

function describe({ account, keyId, scopes }: Principal, expiresAtMs: number, isOperators: boolean): SessionAnswer {
  const operates = isOperators && (scopes.has("admin") || scopes.has("read"));
  return {
    account,
    key_id: keyId,
    scopes: [...scopes],
    role: operates ? "operator" : scopes.has("provider") ? "owner" : "consumer",
    expires_at: Math.floor(expiresAtMs / 1000),
  };
}
