import type { Context, Hono } from "hono";
import { z } from "zod";
import type { Principal } from "../../accounts/principal.js";
import type { Principals } from "../../accounts/resolution.js";
import type { OpenedSession } from "../../accounts/sessions.js";
import type { SignIn, SignInSettings } from "../../accounts/sign-in.js";
import { readJson } from "../../api/check-body.js";
import { named } from "../../api/named-schemas.js";
import { GuessLimiter } from "../../enrolment/guess-limiter.js";
import { HearthError } from "../../platform/errors.js";
import { secretDigest } from "../../platform/secret-digest.js";
import { SCOPES } from "../../store/account-store.js";
import { type EnrolmentHttpDeps, originOf } from "../enrolment/enrolment-http.js";
import { described, type Operation } from "../openapi/operation.js";
import { readBody } from "../read-body.js";
import type { HttpEnv } from "../routing.js";
import { isFromPage, sessionCookie, sessionOf } from "./session-cookie.js";

export interface SessionDeps extends Pick<EnrolmentHttpDeps, "clock" | "publicUrl" | "addressOf" | "signInRefused"> {
  readonly principals: Principals;
  /** The operator's key, and those of accounts. */
  readonly operators: Principals;
  readonly signIn: SignIn;
  readonly signInSettings: () => SignInSettings;
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
  const sessions = new PageSessions(deps);
  app.post(
    "/dashboard/session",
    described(SIGN_IN, (c) => sessions.signIn(c)),
  );
  app.get(
    "/dashboard/session",
    described(GET_SESSION, (c) => sessions.show(c)),
  );
  app.delete(
    "/dashboard/session",
    described(SIGN_OUT, (c) => sessions.signOut(c)),
  );
}

class PageSessions {
  readonly #deps: SessionDeps;
  readonly #guesses: GuessLimiter;

  constructor(deps: SessionDeps) {
    this.#deps = deps;
    this.#guesses = new GuessLimiter(deps.clock, deps.signInSettings);
  }

  async signIn(c: Context<HttpEnv>): Promise<Response> {
    const { incoming } = c.env;
    if (!isFromPage(incoming.headers)) throw new HearthError("invalid_request", "Only the web page signs in here.");
    const address = this.#deps.addressOf(incoming);
    this.#checkGuesses(address);
    const digest = this.#digestOf(readJson(credentialSchema, await readBody(incoming, MAX_BODY_BYTES)));
    const opened = digest === undefined ? undefined : await this.#open(digest);
    if (opened === undefined) {
      this.#guesses.wrong(address);
      this.#deps.signInRefused();
      throw new HearthError("invalid_api_key", "This is no key or link that is good now.");
    }
    this.#setCookie(c, opened.id, Math.floor(this.#deps.signInSettings().sessionMs / 1000));
    return c.json(describe(opened.principal, opened.expiresAtMs));
  }

  async show(c: Context<HttpEnv>): Promise<Response> {
    const id = sessionOf(c.env.incoming.headers) ?? "";
    const expiresAtMs = this.#deps.signIn.endOf(id);
    const principal = expiresAtMs === undefined ? undefined : await this.#principalOf(id);
    if (principal !== undefined && expiresAtMs !== undefined) return c.json(describe(principal, expiresAtMs));
    throw new HearthError("invalid_api_key", "You are not signed in.");
  }

  signOut(c: Context<HttpEnv>): Response {
    const id = sessionOf(c.env.incoming.headers);
    if (id !== undefined) {
      this.#deps.signIn.close(id);
      this.#setCookie(c, "", 0);
    }
    return c.json({ object: "session", deleted: true });
  }

  #checkGuesses(address: string): void {
    const waitMs = this.#guesses.blockedMs(address);
    if (waitMs === 0) return;
    throw new HearthError("rate_limit_exceeded", "Too many keys from here were none: wait before you try again.", {
      retryAfterSeconds: Math.ceil(waitMs / 1000),
    });
  }

  #digestOf(given: z.infer<typeof credentialSchema>): string | undefined {
    return "key" in given ? secretDigest(given.key.trim()) : this.#deps.signIn.redeem(given.link);
  }

  /** A session is as good as its key, so that the one tells of the other. */
  async #open(digest: string): Promise<(OpenedSession & { readonly principal: Principal }) | undefined> {
    const { signIn } = this.#deps;
    const opened = signIn.open(digest);
    let principal: Principal | undefined;
    try {
      principal = await this.#principalOf(opened.id);
    } finally {
      if (principal === undefined) signIn.close(opened.id);
    }
    return principal && { ...opened, principal };
  }

  /** The operator's own key is known to the operator's routes alone, those of the configuration to the others alone. */
  async #principalOf(session: string): Promise<Principal | undefined> {
    for (const principals of [this.#deps.operators, this.#deps.principals]) {
      const resolution = await principals.resolve(session);
      if (resolution.type === "known") return resolution.principal;
      if (resolution.type === "unavailable") {
        throw new HearthError("service_unavailable", "API keys cannot be looked up now: try again in a moment.");
      }
    }
    return undefined;
  }

  #setCookie(c: Context<HttpEnv>, id: string, maxAgeSeconds: number): void {
    const secure = originOf(c.env.incoming, this.#deps).startsWith("https:");
    c.header("Set-Cookie", sessionCookie(id, maxAgeSeconds, secure));
    c.header("Cache-Control", "no-store");
  }
}

function describe({ account, keyId, scopes }: Principal, expiresAtMs: number): SessionAnswer {
  return {
    account,
    key_id: keyId,
    scopes: [...scopes],
    role: scopes.has("admin") || scopes.has("read") ? "operator" : scopes.has("provider") ? "owner" : "consumer",
    expires_at: Math.floor(expiresAtMs / 1000),
  };
}
