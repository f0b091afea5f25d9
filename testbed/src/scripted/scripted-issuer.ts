import { createHash, generateKeyPairSync, type KeyObject, sign } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { type Config, readConfig } from "@hearth/coordinator";

interface KeyPair {
  readonly privateKey: KeyObject;
  readonly publicKey: KeyObject;
}

const newKeys = (): KeyPair => generateKeyPairSync("ec", { namedCurve: "P-256" });
const base64url = (value: object): string => Buffer.from(JSON.stringify(value)).toString("base64url");

/** What an authorization asked for, until its code is spent. */
interface Asked {
  readonly challenge: string;
  readonly nonce: string;
}

/** An OpenID Connect identity provider on a port of its own: it signs real tokens, and can be told to do it wrongly. */
export class ScriptedIssuer implements AsyncDisposable {
  readonly clientId = "hearth";
  readonly clientSecret = "scripted-client-secret";
  /** Members of the next ID tokens, over those that are right. */
  claims: Record<string, unknown> = {};
  /** Signs with a key that it does not publish. */
  isForging = false;
  isDown = false;
  /** Paths that were asked for. */
  readonly asked: string[] = [];
  readonly #keys = newKeys();
  readonly #otherKeys = newKeys();
  readonly #codes = new Map<string, Asked>();
  readonly #server = createServer((request, response) => void this.#serve(request, response));
  readonly #hostname: string;
  /** Where a browser that comes to sign in is sent back to at once. */
  returnTo = "";
  #count = 0;

  private constructor(hostname: string) {
    this.#hostname = hostname;
  }

  /** @param hostname as browsers are to know it */
  static async start(hostname = "127.0.0.1"): Promise<ScriptedIssuer> {
    const issuer = new ScriptedIssuer(hostname);
    await new Promise<void>((resolve) => issuer.#server.listen(0, "127.0.0.1", resolve));
    return issuer;
  }

  get url(): string {
    return `http://${this.#hostname}:${(this.#server.address() as AddressInfo).port}`;
  }

  /** What a coordinator is told of it. @param roles who is what there, as variables of the environment */
  config(roles: Readonly<Record<string, string>>): Pick<Config, "oidc"> {
    const { oidc } = readConfig({
      HEARTH_PUBLIC_URL: "http://hearth.test",
      HEARTH_OIDC_ISSUER: this.url,
      HEARTH_OIDC_CLIENT_ID: this.clientId,
      HEARTH_OIDC_CLIENT_SECRET: this.clientSecret,
      ...roles,
    });
    return { oidc };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await new Promise((resolve) => {
      this.#server.close(resolve);
      this.#server.closeAllConnections();
    });
  }

  /** Somebody signs in at the address that they were sent to. @returns what they are sent back with, from the `?` on */
  authorize(address: string): string {
    const { searchParams: query } = new URL(address);
    const code = `code-${++this.#count}`;
    this.#codes.set(code, { challenge: query.get("code_challenge") ?? "", nonce: query.get("nonce") ?? "" });
    return `?${new URLSearchParams({ code, state: query.get("state") ?? "" })}`;
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const path = request.url ?? "";
    this.asked.push(path);
    if (this.isDown) {
      response.writeHead(503).end();
      return;
    }
    if (path.startsWith("/authorize?")) {
      response.writeHead(303, { Location: this.returnTo + this.authorize(this.url + path) }).end();
      return;
    }
    const [status, body] = await this.#answer(path, request);
    response.writeHead(status, { "Content-Type": "application/json" }).end(JSON.stringify(body));
  }

  async #answer(path: string, request: IncomingMessage): Promise<readonly [number, object]> {
    if (path === "/.well-known/openid-configuration") {
      return [
        200,
        {
          issuer: this.url,
          authorization_endpoint: `${this.url}/authorize`,
          token_endpoint: `${this.url}/token`,
          jwks_uri: `${this.url}/jwks`,
          id_token_signing_alg_values_supported: ["ES256"],
        },
      ];
    }
    if (path === "/jwks") {
      return [200, { keys: [{ ...this.#keys.publicKey.export({ format: "jwk" }), kid: "k1", alg: "ES256" }] }];
    }
    return this.#tokens(request);
  }

  /** RFC 6749, §4.1.3, and RFC 7636, §4.6. */
  async #tokens(request: IncomingMessage): Promise<readonly [number, object]> {
    let text = "";
    for await (const part of request) text += String(part);
    const body = new URLSearchParams(text);
    const [, basic = ""] = request.headers.authorization?.split(" ") ?? [];
    // RFC 6749, §2.3.1: each half is encoded as forms are.
    const [id, secret] = Buffer.from(basic, "base64").toString().split(":").map(decodeURIComponent);
    if (id !== this.clientId || secret !== this.clientSecret) return [401, { error: "invalid_client" }];
    const code = body.get("code") ?? "";
    const asked = this.#codes.get(code);
    this.#codes.delete(code);
    const challenge = createHash("sha256")
      .update(body.get("code_verifier") ?? "")
      .digest("base64url");
    if (asked === undefined || asked.challenge !== challenge) return [400, { error: "invalid_grant" }];
    return [200, { access_token: "unused", token_type: "Bearer", id_token: this.#idToken(asked.nonce) }];
  }

  #idToken(nonce: string): string {
    const iat = Math.floor(Date.now() / 1000);
    const claims = { iss: this.url, aud: this.clientId, sub: "4711", nonce, iat, exp: iat + 300, ...this.claims };
    const input = `${base64url({ alg: "ES256", kid: "k1" })}.${base64url(claims)}`;
    const { privateKey } = this.isForging ? this.#otherKeys : this.#keys;
    return `${input}.${sign("sha256", Buffer.from(input), { key: privateKey, dsaEncoding: "ieee-p1363" }).toString("base64url")}`;
  }
}
