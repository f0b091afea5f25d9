import type { IncomingMessage } from "node:http";
import { describeFault } from "@hearth/platform";
import type { Context, Hono } from "hono";
import { z } from "zod";
import type { DeviceRequest } from "../../enrolment/device-grants.js";
import { ENROLMENT_LIMITS } from "../../enrolment/enrolment-limits.js";
import type { IssuedToken, PollResult, TokenExchange } from "../../enrolment/enrolment-outcomes.js";
import { showUserCode } from "../../enrolment/user-code.js";
import { HearthError } from "../../platform/errors.js";
import type { HttpEnv } from "../routing.js";
import { type EnrolmentHttpDeps, originOf } from "./enrolment-http.js";
import { type Parameters, readParameters } from "./parameters.js";

/** The one client there is; it can keep no secret, so it has none. */
const CLIENT_ID = "hearth-agent";
const DEVICE_CODE_GRANT = "urn:ietf:params:oauth:grant-type:device_code";
const ENROLMENT_TOKEN_GRANT = "urn:hearth:params:oauth:grant-type:enrolment-token";

const AUTHORIZE = "/oauth/device_authorization";
const TOKEN = "/oauth/token";
const REVOKE = "/oauth/revoke";

type OAuthErrorCode =
  | "invalid_request"
  | "invalid_client"
  | "invalid_grant"
  | "unsupported_grant_type"
  | "authorization_pending"
  | "slow_down"
  | "access_denied"
  | "expired_token"
  | "temporarily_unavailable"
  | "server_error";

interface Answer {
  readonly status: 200 | 400 | 401 | 413 | 429 | 500 | 503;
  readonly body: object;
  readonly headers?: Readonly<Record<string, string>>;
}

/** RFC 8628, the token endpoint of RFC 6749 and revocation by RFC 7009, with RFC 8414's description of them. */
export function oauthRoutes(app: Hono<HttpEnv>, deps: EnrolmentHttpDeps): void {
  app.post(AUTHORIZE, (c) => answer(c, deps, (parameters) => authorizeDevice(parameters, c.env.incoming, deps)));
  app.post(TOKEN, (c) => answer(c, deps, (parameters) => issueToken(parameters, c.env.incoming, deps)));
  app.post(REVOKE, (c) => answer(c, deps, (parameters) => revokeToken(parameters, deps)));
  app.get("/.well-known/oauth-authorization-server", (c) => {
    const issuer = originOf(c.env.incoming, deps);
    return c.json({
      issuer,
      device_authorization_endpoint: issuer + AUTHORIZE,
      token_endpoint: issuer + TOKEN,
      revocation_endpoint: issuer + REVOKE,
      grant_types_supported: [DEVICE_CODE_GRANT, ENROLMENT_TOKEN_GRANT],
      response_types_supported: [],
      token_endpoint_auth_methods_supported: ["none"],
      revocation_endpoint_auth_methods_supported: ["none"],
    });
  });
}

async function answer(
  c: Context<HttpEnv>,
  deps: EnrolmentHttpDeps,
  respond: (parameters: Parameters) => Answer | Promise<Answer>,
): Promise<Response> {
  const { status, body, headers } = await attempt(c.env.incoming, deps, respond);
  return c.json(body, status, { "Cache-Control": "no-store", Pragma: "no-cache", ...headers });
}

async function attempt(
  incoming: IncomingMessage,
  deps: EnrolmentHttpDeps,
  respond: (parameters: Parameters) => Answer | Promise<Answer>,
): Promise<Answer> {
  try {
    const read = await readParameters(incoming);
    return read.type === "invalid" ? refuse("invalid_request", read.problem) : await respond(read.parameters);
  } catch (thrown) {
    const error = HearthError.from(thrown);
    if (error.code === "cancelled") throw error;
    if (error.code === "payload_too_large")
      return { ...refuse("invalid_request", "The body is too large."), ...TOO_LARGE };
    if (error.code !== "internal") return refuse("invalid_request", error.message);
    deps.log.error({ fault: describeFault(thrown) }, "enrolment failed");
    return refuse("server_error", error.message);
  }
}

/** The rest of a refused body is not read. */
const TOO_LARGE = { status: 413, headers: { Connection: "close" } } as const;

const text = (max: number) =>
  z
    .string()
    .trim()
    .min(1)
    .max(max)
    // Nothing invisible, and nothing that turns the writing around: people decide by what they see.
    .regex(/^[^\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Zl}\p{Zp}]+$/u, "holds characters that cannot be seen");

const machineSchema = z
  .object({
    identity: z.string().regex(/^[A-Za-z0-9_-]{43}$/, "must be 32 bytes as unpadded base64url"),
    name: text(64),
    platform: text(64),
    agent_version: text(64),
  })
  .transform(({ agent_version: agentVersion, ...rest }): DeviceRequest => ({ ...rest, agentVersion }));

type ReadMachine = { readonly request: DeviceRequest } | { readonly refusal: Answer };

function readMachine(parameters: Parameters): ReadMachine {
  const parsed = machineSchema.safeParse(parameters);
  if (parsed.success) return { request: parsed.data };
  const [issue] = parsed.error.issues;
  const name = issue?.path.join(".") ?? "";
  const problem = parameters[name] === undefined ? "is missing" : issue?.message;
  return { refusal: refuse("invalid_request", `${name}: ${problem}`) };
}

function authorizeDevice(parameters: Parameters, incoming: IncomingMessage, deps: EnrolmentHttpDeps): Answer {
  if (parameters["client_id"] !== CLIENT_ID) return wrongClient();
  const machine = readMachine(parameters);
  if ("refusal" in machine) return machine.refusal;
  const codes = deps.enrolment.requestDevice(machine.request, deps.addressOf(incoming));
  if (codes.type === "full") return busy(codes.of);
  const page = `${originOf(incoming, deps)}/device`;
  const userCode = showUserCode(codes.grant.userCode);
  return {
    status: 200,
    body: {
      device_code: codes.deviceCode,
      user_code: userCode,
      verification_uri: page,
      verification_uri_complete: `${page}?user_code=${userCode}`,
      expires_in: ENROLMENT_LIMITS.codeLifetimeMs / 1000,
      interval: ENROLMENT_LIMITS.pollIntervalMs / 1000,
    },
  };
}

function busy(of: "address" | "everybody"): Answer {
  const headers = { "Retry-After": "60" };
  if (of === "address") {
    return { ...refuse("temporarily_unavailable", "Too many codes of this address are open."), status: 429, headers };
  }
  return { ...refuse("temporarily_unavailable", "Too many codes are open."), status: 503, headers };
}

async function issueToken(parameters: Parameters, incoming: IncomingMessage, deps: EnrolmentHttpDeps): Promise<Answer> {
  switch (parameters["grant_type"]) {
    case DEVICE_CODE_GRANT: {
      if (parameters["client_id"] !== CLIENT_ID) return wrongClient();
      const code = parameters["device_code"];
      if (code === undefined) return refuse("invalid_request", "device_code: is missing");
      return pollAnswer(await deps.enrolment.pollDevice(code));
    }
    case ENROLMENT_TOKEN_GRANT: {
      const token = parameters["enrolment_token"];
      if (token === undefined) return refuse("invalid_request", "enrolment_token: is missing");
      const machine = readMachine(parameters);
      if ("refusal" in machine) return machine.refusal;
      return exchangeAnswer(await deps.enrolment.redeemToken(token, machine.request, deps.addressOf(incoming)));
    }
    case undefined:
      return refuse("invalid_request", "grant_type: is missing");
  }
  return refuse("unsupported_grant_type", "This grant_type is not one that machines enrol with.");
}

/** A machine logs out. Whoever has the token may end it; one that is unknown has ended already. */
async function revokeToken(parameters: Parameters, deps: EnrolmentHttpDeps): Promise<Answer> {
  const token = parameters["token"];
  if (token === undefined) return refuse("invalid_request", "token: is missing");
  await deps.enrolment.surrender(token);
  return { status: 200, body: {} };
}

function pollAnswer(result: PollResult): Answer {
  switch (result.type) {
    case "issued":
      return issued(result);
    case "authorization_pending":
      return refuse(result.type, "Nobody has decided yet.");
    case "slow_down":
      return refuse(result.type, "Poll 5 seconds more slowly from now on.");
    case "access_denied":
      return refuse(result.type, "The owner denied it.");
    case "expired_token":
      return refuse(result.type, "The code has expired: ask for another.");
    case "invalid_grant":
      return refuse(result.type, "There is no such device code, or it was used: ask for another.");
    case "account_full":
      return accountFull();
  }
}

function exchangeAnswer(result: TokenExchange): Answer {
  switch (result.type) {
    case "issued":
      return issued(result);
    case "unknown":
      return refuse("invalid_grant", "There is no such enrolment token.");
    case "used":
      return refuse("invalid_grant", "This enrolment token was used already: each is good for one machine.");
    case "expired":
      return refuse("invalid_grant", "This enrolment token has expired.");
    case "revoked":
      return refuse("invalid_grant", "This enrolment token was revoked.");
    case "account_full":
      return accountFull();
    case "blocked": {
      const headers = { "Retry-After": String(Math.ceil(result.retryAfterMs / 1000)) };
      const refusal = refuse("temporarily_unavailable", "Too many wrong tokens from this address.");
      return { ...refusal, status: 429, headers };
    }
  }
}

function issued({ token, machine }: IssuedToken): Answer {
  // No `expires_in`: the token is good until it is revoked or replaced.
  const body = { access_token: token, token_type: "Bearer", machine_id: machine.id, account: machine.account };
  return { status: 200, body };
}

const accountFull = (): Answer => refuse("access_denied", "The account has as many machines as it may have.");

function wrongClient(): Answer {
  return { ...refuse("invalid_client", `client_id: must be ${CLIENT_ID}`), status: 401 };
}

function refuse(error: OAuthErrorCode, description: string): Answer {
  return { status: error === "server_error" ? 500 : 400, body: { error, error_description: description } };
}
