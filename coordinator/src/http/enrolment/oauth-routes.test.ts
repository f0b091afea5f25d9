import { FakeClock } from "@hearth/platform/testing";
import { afterEach, beforeEach, expect, it } from "vitest";
import { ENROLMENT_LIMITS } from "../../enrolment/enrolment-limits.js";
import { type EnrolmentServer, startEnrolmentServer } from "../../testing/enrolment-server.js";

const DEVICE_CODE = "urn:ietf:params:oauth:grant-type:device_code";
const ENROLMENT_TOKEN = "urn:hearth:params:oauth:grant-type:enrolment-token";
const MACHINE = { identity: "A".repeat(43), name: "Anna's Studio", platform: "darwin-arm64", agent_version: "0.1.0" };
const ANNA = { account: "anna", address: "192.0.2.1" };

let clock: FakeClock;
let server: EnrolmentServer;

beforeEach(async () => {
  clock = new FakeClock();
  server = await startEnrolmentServer(clock);
});

afterEach(async () => {
  await server[Symbol.asyncDispose]();
  expect(clock.pending).toBe(0);
});

interface Answer {
  readonly status: number;
  readonly headers: Headers;
  // biome-ignore lint/suspicious/noExplicitAny: whatever the server says
  readonly body: any;
}

async function post(path: string, form: Record<string, string>, headers: Record<string, string> = {}): Promise<Answer> {
  const response = await fetch(server.url + path, { method: "POST", body: new URLSearchParams(form), headers });
  return { status: response.status, headers: response.headers, body: await response.json() };
}

const authorize = (form: Record<string, string> = {}): Promise<Answer> =>
  post("/oauth/device_authorization", { client_id: "hearth-agent", ...MACHINE, ...form });

const poll = (device_code: string): Promise<Answer> =>
  post("/oauth/token", { client_id: "hearth-agent", grant_type: DEVICE_CODE, device_code });

const redeem = (enrolment_token: string, form: Record<string, string> = {}): Promise<Answer> =>
  post("/oauth/token", { grant_type: ENROLMENT_TOKEN, enrolment_token, ...MACHINE, ...form });

it("answers a machine that asks with a pair of codes and where to enter one", async () => {
  const { status, headers, body } = await authorize();
  expect(status).toBe(200);
  expect(headers.get("cache-control")).toBe("no-store");
  expect(body).toEqual({
    device_code: expect.stringMatching(/^hd-[A-Za-z0-9_-]{64}$/),
    user_code: expect.stringMatching(/^[BCDFGHJKLMNPQRSTVWXZ]{4}-[BCDFGHJKLMNPQRSTVWXZ]{4}$/),
    verification_uri: `${server.url}/device`,
    verification_uri_complete: `${server.url}/device?user_code=${body.user_code}`,
    expires_in: 900,
    interval: 5,
  });
});

it("walks a device code from pending over slow_down to the token, which comes once", async () => {
  const { body: codes } = await authorize();
  expect(await poll(codes.device_code)).toMatchObject({ status: 400, body: { error: "authorization_pending" } });
  expect(await poll(codes.device_code)).toMatchObject({ status: 400, body: { error: "slow_down" } });
  server.enrolment.decideDevice(codes.user_code, "approved", ANNA);
  const { status, headers, body } = await poll(codes.device_code);
  expect(status).toBe(200);
  expect(headers.get("cache-control")).toBe("no-store");
  expect(headers.get("pragma")).toBe("no-cache");
  expect(body).toEqual({
    access_token: expect.stringMatching(/^hm-/),
    token_type: "Bearer",
    machine_id: expect.stringMatching(/^mach_/),
    account: "anna",
  });
  expect(server.enrolment.tokens.resolve(body.access_token)?.identity).toBe(MACHINE.identity);
  expect(await poll(codes.device_code)).toMatchObject({ status: 400, body: { error: "invalid_grant" } });
  expect(server.log()).not.toContain(body.access_token);
  expect(server.log()).not.toContain(codes.device_code);
});

it("tells a machine that it was denied, or that its code has expired", async () => {
  const denied = (await authorize()).body;
  server.enrolment.decideDevice(denied.user_code, "denied", ANNA);
  expect(await poll(denied.device_code)).toMatchObject({ status: 400, body: { error: "access_denied" } });
  const late = (await authorize()).body;
  clock.advance(ENROLMENT_LIMITS.codeLifetimeMs);
  expect(await poll(late.device_code)).toMatchObject({ status: 400, body: { error: "expired_token" } });
});

it("exchanges an enrolment token once, and says why it takes one no more", async () => {
  const order = { account: "ben", count: 2, lifetimeMs: 60_000, note: "" };
  const created = await server.enrolment.createTokens(order);
  if (created === "account_full") throw new Error(created);
  const [first, second] = created;
  const redeemed = await redeem(first!.token);
  expect(redeemed).toMatchObject({ status: 200, body: { token_type: "Bearer", account: "ben" } });
  const refusal = async (token: string): Promise<string> => {
    const { status, body } = await redeem(token);
    expect([status, body.error]).toEqual([400, "invalid_grant"]);
    return body.error_description;
  };
  expect(await refusal(first!.token)).toContain("used already");
  clock.advance(60_000);
  expect(await refusal(second!.token)).toContain("expired");
  expect(await refusal("he-nobody")).toContain("no such");
});

it("asks an address that guesses at enrolment tokens to wait", async () => {
  for (let n = 0; n < ENROLMENT_LIMITS.wrongGuesses; n++) await redeem(`he-${n}`);
  const { status, headers, body } = await redeem("he-again");
  expect([status, body.error]).toEqual([429, "temporarily_unavailable"]);
  expect(headers.get("retry-after")).toBe("900");
});

it("asks an address with too many open codes to wait", async () => {
  for (let n = 0; n < ENROLMENT_LIMITS.openCodesPerAddress; n++) await authorize();
  const { status, headers, body } = await authorize();
  expect([status, body.error, headers.get("retry-after")]).toEqual([429, "temporarily_unavailable", "60"]);
});

it.each([
  ["no identity", { identity: "" }, "identity: is missing"],
  ["an identity that is none", { identity: "short" }, "identity: must be 32 bytes as unpadded base64url"],
  ["no name", { name: "  " }, "name: Too small: expected string to have >=1 characters"],
  ["a long name", { name: "x".repeat(65) }, "name: Too big: expected string to have <=64 characters"],
  ["a name that turns the writing around", { name: "Studio\u202Eoidut" }, "name: holds characters that cannot be seen"],
  ["a name of two lines", { name: "Studio\nApproved" }, "name: holds characters that cannot be seen"],
  ["no platform", { platform: "" }, "platform: is missing"],
])("refuses a machine with %s", async (_what, form, description) => {
  const { status, body } = await authorize(form);
  expect([status, body.error, body.error_description]).toEqual([400, "invalid_request", description]);
});

it("knows one client", async () => {
  expect(await authorize({ client_id: "somebody" })).toMatchObject({ status: 401, body: { error: "invalid_client" } });
  const { body } = await authorize();
  const form = { grant_type: DEVICE_CODE, device_code: body.device_code };
  expect(await post("/oauth/token", form)).toMatchObject({ status: 401, body: { error: "invalid_client" } });
});

it("refuses grants that it does not have, and requests without what they need", async () => {
  const error = async (form: Record<string, string>): Promise<string> => (await post("/oauth/token", form)).body.error;
  expect(await error({ grant_type: "password", username: "anna" })).toBe("unsupported_grant_type");
  expect(await error({})).toBe("invalid_request");
  expect(await error({ grant_type: DEVICE_CODE, client_id: "hearth-agent" })).toBe("invalid_request");
  expect(await error({ grant_type: ENROLMENT_TOKEN })).toBe("invalid_request");
  expect(await error({ grant_type: DEVICE_CODE, client_id: "hearth-agent", device_code: "hd-x" })).toBe(
    "invalid_grant",
  );
});

it("takes JSON as well, and refuses every other body with a word on what is wrong", async () => {
  const send = async (body: string, type?: string): Promise<unknown[]> => {
    const headers = type === undefined ? {} : { "Content-Type": type };
    const response = await fetch(`${server.url}/oauth/device_authorization`, { method: "POST", body, headers });
    const { error, error_description } = (await response.json()) as Record<string, unknown>;
    return [response.status, error, error_description];
  };
  const json = JSON.stringify({ client_id: "hearth-agent", ...MACHINE });
  expect((await send(json, "application/json; charset=utf-8"))[0]).toBe(200);
  for (const [body, type, problem] of [
    [json, "text/plain", "The content type must be"],
    ["{", "application/json", "The body is not JSON."],
    ["[]", "application/json", "The body is no JSON object."],
    ['{"identity":{}}', "application/json", "Every member of the body must be a string."],
    ["name=a&name=b", "application/x-www-form-urlencoded", "A parameter comes twice."],
    ["__proto__=a&constructor=b", "application/x-www-form-urlencoded", "client_id"],
  ] as const) {
    const [status, error, description] = await send(body, type);
    expect([status, error]).toEqual(
      description?.toString().startsWith("client_id") ? [401, "invalid_client"] : [400, "invalid_request"],
    );
    expect(description).toContain(problem);
  }
  expect(await send("x".repeat(9_000), "application/json")).toEqual([413, "invalid_request", "The body is too large."]);
});

it("lets a machine give its own token back, and says the same of a token that is none", async () => {
  const { body: codes } = await authorize();
  server.enrolment.decideDevice(codes.user_code, "approved", ANNA);
  const { access_token: token, machine_id: id } = (await poll(codes.device_code)).body;
  expect(await post("/oauth/revoke", { token })).toMatchObject({ status: 200, body: {} });
  expect(server.enrolment.tokens.resolve(token)).toBeUndefined();
  expect(server.revoked).toEqual([`${MACHINE.identity} ${id}`]);
  expect((await post("/oauth/revoke", { token })).status).toBe(200);
  expect(await post("/oauth/revoke", {})).toMatchObject({ status: 400, body: { error: "invalid_request" } });
});

it("keeps a fault of its own to itself", async () => {
  const { body: codes } = await authorize();
  server.enrolment.decideDevice(codes.user_code, "approved", ANNA);
  const { enrolments } = server.store;
  const { addMachine } = enrolments;
  enrolments.addMachine = () => Promise.reject(new Error("disk full at /var/secret"));
  const { status, body } = await poll(codes.device_code);
  expect([status, body.error]).toEqual([500, "server_error"]);
  expect(JSON.stringify(body) + server.log()).not.toContain("secret");
  enrolments.addMachine = addMachine;
  expect((await poll(codes.device_code)).status).toBe(200);
});

it("describes itself as RFC 8414 has it", async () => {
  const response = await fetch(`${server.url}/.well-known/oauth-authorization-server`);
  expect(await response.json()).toEqual({
    issuer: server.url,
    device_authorization_endpoint: `${server.url}/oauth/device_authorization`,
    token_endpoint: `${server.url}/oauth/token`,
    revocation_endpoint: `${server.url}/oauth/revoke`,
    grant_types_supported: [DEVICE_CODE, ENROLMENT_TOKEN],
    response_types_supported: [],
    token_endpoint_auth_methods_supported: ["none"],
    revocation_endpoint_auth_methods_supported: ["none"],
  });
});

it("names the public address that it was given, or that a proxy tells", async () => {
  const forwarded = await post(
    "/oauth/device_authorization",
    { client_id: "hearth-agent", ...MACHINE },
    { "X-Forwarded-Proto": "https" },
  );
  expect(forwarded.body.verification_uri).toBe(`${server.url.replace("http:", "https:")}/device`);
  await using named = await startEnrolmentServer(clock, { publicUrl: "https://hearth.example/" });
  const response = await fetch(`${named.url}/.well-known/oauth-authorization-server`);
  expect(await response.json()).toMatchObject({ issuer: "https://hearth.example" });
});

it("has no other methods", async () => {
  for (const path of ["/oauth/token", "/oauth/device_authorization", "/oauth/revoke"]) {
    expect((await fetch(server.url + path)).status).toBe(405);
  }
});
