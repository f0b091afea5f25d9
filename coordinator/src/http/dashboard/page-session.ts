import type { Context } from "hono";
import type { Principal } from "../../accounts/principal.js";
import type { Principals } from "../../accounts/resolution.js";
import type { OpenedSession } from "../../accounts/sessions.js";
import type { SignedIn, SignIn, SignInSettings } from "../../accounts/sign-in.js";
import type { GuessLimiter } from "../../enrolment/guess-limiter.js";
import { HearthError } from "../../platform/errors.js";
import { type EnrolmentHttpDeps, originOf } from "../enrolment/enrolment-http.js";
import type { OperatorsDoor } from "../operators-door.js";
import type { HttpEnv } from "../routing.js";
import { sessionCookie } from "./session-cookie.js";

export interface PageSessionDeps
  extends Pick<EnrolmentHttpDeps, "clock" | "publicUrl" | "addressOf" | "signInRefused"> {
  readonly principals: Principals;
  /** The operator's key, and those of accounts. */
  readonly operators: Principals;
  readonly signIn: SignIn;
  readonly signInSettings: () => SignInSettings;
  /** Where operators are served: elsewhere nobody is one. */
  readonly operatorsDoor: Pick<OperatorsDoor, "isAt">;
}

export interface OpenedPage extends OpenedSession {
  readonly principal: Principal;
}

/** Sessions of the web page, however somebody signs in. */
export class PageSessions {
  readonly #deps: PageSessionDeps;
  readonly #guesses: GuessLimiter;

  /** @param guesses counts those that were wrong, by address */
  constructor(deps: PageSessionDeps, guesses: GuessLimiter) {
    this.#deps = deps;
    this.#guesses = guesses;
  }

  /** @returns `undefined` where this one is nobody now */
  async open(c: Context<HttpEnv>, who: SignedIn): Promise<OpenedPage | undefined> {
    const { signIn } = this.#deps;
    const opened = signIn.open(who);
    let principal: Principal | undefined;
    try {
      principal = await this.principalOf(c, opened.id);
    } finally {
      if (principal === undefined) signIn.close(opened.id);
    }
    return principal && { ...opened, principal };
  }

  /**
   * Whom a session stands for: it is as good as its key. The operator's own key is known to the operator's routes alone,
   * those of the configuration to the others alone.
   */
  async principalOf(c: Context<HttpEnv>, session: string): Promise<Principal | undefined> {
    const { operators, principals: others } = this.#deps;
    for (const principals of this.isOperators(c) ? [operators, others] : [others]) {
      const resolution = await principals.resolve(session);
      if (resolution.type === "known") return resolution.principal;
      if (resolution.type === "unavailable") {
        throw new HearthError("service_unavailable", "API keys cannot be looked up now: try again in a moment.");
      }
    }
    return undefined;
  }

  /** Whether operators are served where this request has come in. */
  isOperators(c: Context<HttpEnv>): boolean {
    return this.#deps.operatorsDoor.isAt(c.env.incoming);
  }

  /** How long this address has to wait before it may try again, ms. */
  blockedMs(c: Context<HttpEnv>): number {
    return this.#guesses.blockedMs(this.#deps.addressOf(c.env.incoming));
  }

  /** Somebody at this address is not who they say. */
  refused(c: Context<HttpEnv>): void {
    this.#guesses.wrong(this.#deps.addressOf(c.env.incoming));
    this.#deps.signInRefused();
  }

  /** @param id empty = the browser is to forget it */
  setCookie(c: Context<HttpEnv>, id: string): void {
    const maxAgeSeconds = id === "" ? 0 : Math.floor(this.#deps.signInSettings().sessionMs / 1000);
    c.header("Set-Cookie", sessionCookie(id, maxAgeSeconds, this.isSecure(c)), { append: true });
    c.header("Cache-Control", "no-store");
  }

  /** Whether the page is reached by HTTPS. */
  isSecure(c: Context<HttpEnv>): boolean {
    return originOf(c.env.incoming, this.#deps).startsWith("https:");
  }
}
