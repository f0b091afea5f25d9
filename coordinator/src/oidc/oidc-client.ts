import { type Clock, describeFault } from "@hearth/platform";
import * as oidc from "openid-client";
import type { Logger } from "../platform/logger.js";
import type { Claims } from "./roles.js";
import type { OidcSettings } from "./settings.js";

/** What is remembered of somebody who was sent to the identity provider. */
export interface PendingLogIn {
  readonly state: string;
  readonly nonce: string;
  /** Of PKCE. */
  readonly verifier: string;
}

export type BegunLogIn =
  | { readonly type: "begun"; readonly url: string; readonly pending: PendingLogIn }
  | { readonly type: "unreachable" };

export type EndedLogIn =
  | { readonly type: "vouched"; readonly claims: Claims }
  /** The person, or the identity provider, did not want to. */
  | { readonly type: "denied" }
  /** What came back is not what it should be. */
  | { readonly type: "invalid" }
  | { readonly type: "unreachable" };

export interface OidcClientDeps {
  readonly settings: OidcSettings;
  readonly clock: Clock;
  readonly log: Logger;
}

/** How long the identity provider may take for an answer, s. */
const ANSWER_SECONDS = 10;
/** Bytes of one of its answers. */
const MAX_ANSWER_BYTES = 1024 * 1024;
/** How far its clock may be off, s. */
const TOLERANCE_SECONDS = 30;
/** How soon one that did not answer is asked again, ms: whoever presses a button must not make us ask all the time. */
const AGAIN_MS = 5_000;

/** It did not answer, or not in a way that says anything about who asked. */
class Unreachable extends Error {}

/**
 * The other end of OpenID Connect: authorization code with PKCE, `state` and `nonce`, and the ID token's signature is
 * checked as well. The identity provider is asked for the first time when somebody wants to sign in with it.
 */
export class OidcClient {
  readonly #deps: OidcClientDeps;
  #configuration: Promise<oidc.Configuration> | undefined;

  constructor(deps: OidcClientDeps) {
    this.#deps = deps;
  }

  /** Where to send somebody who wants to sign in. Never rejects. */
  async begin(): Promise<BegunLogIn> {
    const { settings } = this.#deps;
    try {
      const configuration = await this.#configure();
      const [state, nonce, verifier] = [oidc.randomState(), oidc.randomNonce(), oidc.randomPKCECodeVerifier()];
      const url = oidc.buildAuthorizationUrl(configuration, {
        redirect_uri: settings.redirectUrl,
        scope: settings.scopes,
        code_challenge: await oidc.calculatePKCECodeChallenge(verifier),
        code_challenge_method: "S256",
        ...{ state, nonce },
      });
      return { type: "begun", url: url.href, pending: { state, nonce, verifier } };
    } catch (error) {
      this.#log(error);
      return { type: "unreachable" };
    }
  }

  /** @param search what the person came back with, from the `?` on. Never rejects. */
  async end(search: string, { state, nonce, verifier }: PendingLogIn): Promise<EndedLogIn> {
    try {
      const configuration = await this.#configure();
      const tokens = await oidc.authorizationCodeGrant(
        configuration,
        new URL(this.#deps.settings.redirectUrl + search),
        {
          pkceCodeVerifier: verifier,
          expectedState: state,
          expectedNonce: nonce,
          idTokenExpected: true,
        },
      );
      const claims = tokens.claims();
      return claims === undefined ? { type: "invalid" } : { type: "vouched", claims };
    } catch (error) {
      if (error instanceof oidc.AuthorizationResponseError) return { type: "denied" };
      this.#log(error);
      return { type: isUnreachable(error) ? "unreachable" : "invalid" };
    }
  }

  /** Once for all; one that failed is tried again after a moment. */
  #configure(): Promise<oidc.Configuration> {
    if (this.#configuration !== undefined) return this.#configuration;
    const found = this.#discover();
    this.#configuration = found;
    const forget = (): void => {
      if (this.#configuration === found) this.#configuration = undefined;
    };
    found.catch(() => this.#deps.clock.setTimer(AGAIN_MS, forget));
    return found;
  }

  async #discover(): Promise<oidc.Configuration> {
    const { issuer, clientId, clientSecret } = this.#deps.settings;
    const url = new URL(issuer);
    const configuration = await oidc.discovery(
      url,
      clientId,
      { [oidc.clockTolerance]: TOLERANCE_SECONDS },
      authentication(clientSecret),
      {
        timeout: ANSWER_SECONDS,
        [oidc.customFetch]: boundedFetch,
        execute: [oidc.enableNonRepudiationChecks, ...(url.protocol === "http:" ? [oidc.allowInsecureRequests] : [])],
      },
    );
    return configuration;
  }

  /** The words are the library's or the network's; what the identity provider sent is not among them. */
  #log(error: unknown): void {
    this.#deps.log.warn({ fault: describeFault(error) }, "sign-in with the identity provider failed");
  }
}

/** As the identity provider takes it; without a word of it, as the standard has it (RFC 8414, §2). */
function authentication(secret: string | undefined): oidc.ClientAuth {
  if (secret === undefined) return oidc.None();
  const [basic, post] = [oidc.ClientSecretBasic(secret), oidc.ClientSecretPost(secret)];
  return (server, ...rest) => {
    const takesPost = server.token_endpoint_auth_methods_supported?.includes("client_secret_post");
    return (takesPost ? post : basic)(server, ...rest);
  };
}

const boundedFetch: oidc.CustomFetch = async (url, options) => {
  try {
    const answer = await fetch(url, options as RequestInit);
    if (answer.status >= 500) throw new Unreachable(`answered ${answer.status}`);
    const { status, statusText, headers } = answer;
    return new Response(await bodyOf(answer), { status, statusText, headers });
  } catch (cause) {
    throw cause instanceof Unreachable ? cause : new Unreachable("did not answer", { cause });
  }
};

async function bodyOf({ body }: Response): Promise<Uint8Array<ArrayBuffer>> {
  const parts: Uint8Array[] = [];
  let bytes = 0;
  for await (const part of (body ?? []) as AsyncIterable<Uint8Array>) {
    bytes += part.byteLength;
    if (bytes > MAX_ANSWER_BYTES) throw new Unreachable("answered too much");
    parts.push(part);
  }
  return new Uint8Array(Buffer.concat(parts));
}

function isUnreachable(error: unknown): boolean {
  for (let at = error; at instanceof Error; at = at.cause) if (at instanceof Unreachable) return true;
  return false;
}
