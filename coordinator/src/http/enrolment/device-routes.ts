import type { IncomingMessage } from "node:http";
import { newSecret } from "@hearth/platform";
import type { Context, Hono } from "hono";
import { parse, serialize } from "hono/utils/cookie";
import { Sessions } from "../../accounts/sessions.js";
import type { CodeLookup, Guesser } from "../../enrolment/enrolment-outcomes.js";
import { HearthError } from "../../platform/errors.js";
import { secretDigest } from "../../platform/secret-digest.js";
import type { HttpEnv } from "../routing.js";
import { type DevicePage, devicePage, PAGE_HEADERS, type PageSession, type Problem } from "./device-page.js";
import { type EnrolmentHttpDeps, originOf } from "./enrolment-http.js";
import { type Parameters, readParameters } from "./parameters.js";

const COOKIE = "hearth_device";
/** How long somebody stays signed in: as long as a code lives. */
const SESSION_SECONDS = 15 * 60;
const SESSIONS = { lastsMs: SESSION_SECONDS * 1000, most: 1_000 };

interface SignedIn {
  readonly id: string;
  readonly session: PageSession;
}

type Answer = Response | Promise<Response>;

/** The page on which an owner approves a machine (RFC 8628 §3.3), without any script. */
export function deviceRoutes(app: Hono<HttpEnv>, deps: EnrolmentHttpDeps): void {
  const sessions = new Sessions<PageSession>(deps.clock, () => SESSIONS);
  const page = new DevicePages(deps, sessions);
  app.get("/device", (c) => page.show(c));
  app.post("/device/sign-in", (c) => page.signIn(c));
  app.post("/device/sign-out", (c) => page.signOut(c));
  app.post("/device/decide", (c) => page.decide(c));
}

class DevicePages {
  readonly #deps: EnrolmentHttpDeps;
  readonly #sessions: Sessions<PageSession>;

  constructor(deps: EnrolmentHttpDeps, sessions: Sessions<PageSession>) {
    this.#deps = deps;
    this.#sessions = sessions;
  }

  show(c: Context<HttpEnv>): Answer {
    const userCode = (c.req.query("user_code") ?? "").slice(0, 32);
    const session = this.#signedIn(c.env.incoming)?.session;
    if (session === undefined) return render(c, 200, { type: "sign_in", userCode });
    if (userCode === "") return render(c, 200, { type: "enter_code", session, userCode });
    const lookup = this.#deps.enrolment.findDevice(userCode, this.#guesser(c, session));
    if (lookup.type !== "found") return this.#notFound(c, session, userCode, lookup);
    return render(c, 200, { type: "confirm", session, grant: lookup.grant, ageMs: lookup.grant.age() });
  }

  async signIn(c: Context<HttpEnv>): Promise<Response> {
    const form = await this.#ownForm(c);
    const userCode = form?.["user_code"] ?? "";
    if (form === undefined) return render(c, 403, { type: "sign_in", userCode, problem: { type: "stale_form" } });
    // Guessing at keys is no easier here than at any other route that takes one.
    const resolution = await this.#deps.principals.resolve((form["api_key"] ?? "").trim());
    if (resolution.type === "unavailable") {
      throw new HearthError("service_unavailable", "API keys cannot be looked up now: try again in a moment.");
    }
    if (resolution.type !== "known" || !resolution.principal.scopes.has("provider")) {
      this.#deps.signInRefused();
      const [status, type] =
        resolution.type === "known" ? ([403, "narrow_key"] as const) : ([401, "wrong_key"] as const);
      return render(c, status, { type: "sign_in", userCode, problem: { type } });
    }
    this.#end(c.env.incoming);
    const { account } = resolution.principal;
    this.#setCookie(c, this.#sessions.open({ account, csrf: newSecret("") }).id, SESSION_SECONDS);
    return onward(c, userCode === "" ? "/device" : `/device?user_code=${encodeURIComponent(userCode)}`);
  }

  async signOut(c: Context<HttpEnv>): Promise<Response> {
    const form = await this.#ownForm(c);
    const signedIn = this.#signedIn(c.env.incoming);
    if (form !== undefined && signedIn !== undefined && sameSecret(form["csrf"], signedIn.session.csrf)) {
      this.#end(c.env.incoming);
      this.#setCookie(c, "", 0);
    }
    return onward(c, "/device");
  }

  async decide(c: Context<HttpEnv>): Promise<Response> {
    const form = await this.#ownForm(c);
    const session = this.#signedIn(c.env.incoming)?.session;
    const userCode = form?.["user_code"] ?? "";
    if (form === undefined || session === undefined || !sameSecret(form["csrf"], session.csrf)) {
      const problem: Problem = { type: "stale_form" };
      if (session === undefined) return render(c, 403, { type: "sign_in", userCode, problem });
      return render(c, 403, { type: "enter_code", session, userCode, problem });
    }
    const { verdict } = form;
    if (verdict !== "approved" && verdict !== "denied") {
      throw new HearthError("invalid_request", "verdict: must be approved or denied", { param: "verdict" });
    }
    const lookup = this.#deps.enrolment.decideDevice(userCode, verdict, this.#guesser(c, session));
    if (lookup.type !== "found") return this.#notFound(c, session, userCode, lookup);
    return render(c, 200, { type: "decided", session, grant: lookup.grant, verdict });
  }

  #notFound(
    c: Context<HttpEnv>,
    session: PageSession,
    userCode: string,
    lookup: Exclude<CodeLookup, { type: "found" }>,
  ): Answer {
    const show = (status: 400 | 404 | 429, problem: Problem): Answer =>
      render(c, status, { type: "enter_code", session, userCode, problem });
    switch (lookup.type) {
      case "malformed":
        return show(400, { type: "malformed_code" });
      case "unknown":
        return show(404, { type: "unknown_code" });
      case "blocked":
        c.header("Retry-After", String(Math.ceil(lookup.retryAfterMs / 1000)));
        return show(429, lookup);
    }
  }

  /** The form, if the page itself sent it. @throws HearthError for a body that is no form */
  async #ownForm(c: Context<HttpEnv>): Promise<Parameters | undefined> {
    const read = await readParameters(c.env.incoming);
    if (read.type === "invalid") throw new HearthError("invalid_request", read.problem);
    return this.#isOwn(c.env.incoming) ? read.parameters : undefined;
  }

  /**
   * Whether a browser says that this page sent the form. Also before anybody has signed in: else another site could
   * sign somebody in to an account that is not theirs, and have their machine.
   */
  #isOwn(incoming: IncomingMessage): boolean {
    const site = incoming.headers["sec-fetch-site"];
    if (site !== undefined) return site === "same-origin";
    const { origin } = incoming.headers;
    // Without either it is no browser, which nobody can make send what it does not know.
    return origin === undefined || origin === originOf(incoming, this.#deps);
  }

  #signedIn({ headers }: IncomingMessage): SignedIn | undefined {
    const id = parse(headers.cookie ?? "", COOKIE)[COOKIE];
    const session = id === undefined ? undefined : this.#sessions.find(id);
    return id === undefined || session === undefined ? undefined : { id, session };
  }

  #end(incoming: IncomingMessage): void {
    const signedIn = this.#signedIn(incoming);
    if (signedIn !== undefined) this.#sessions.end(signedIn.id);
  }

  #setCookie(c: Context<HttpEnv>, value: string, maxAge: number): void {
    const secure = originOf(c.env.incoming, this.#deps).startsWith("https:");
    const cookie = serialize(COOKIE, value, { path: "/device", httpOnly: true, sameSite: "Strict", maxAge, secure });
    c.header("Set-Cookie", cookie);
  }

  #guesser(c: Context<HttpEnv>, { account }: PageSession): Guesser {
    return { account, address: this.#deps.addressOf(c.env.incoming) };
  }
}

function render(c: Context<HttpEnv>, status: 200 | 400 | 401 | 403 | 404 | 429, page: DevicePage): Answer {
  return c.html(devicePage(page), status, PAGE_HEADERS);
}

function onward(c: Context<HttpEnv>, path: string): Response {
  for (const [name, value] of Object.entries(PAGE_HEADERS)) c.header(name, value);
  return c.redirect(path, 303);
}

/** By digest, so that the time it takes tells nothing. */
function sameSecret(given: string | undefined, secret: string): boolean {
  return given !== undefined && secretDigest(given) === secretDigest(secret);
}
