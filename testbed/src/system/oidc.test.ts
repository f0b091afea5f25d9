import { NO_SETTINGS } from "@hearth/coordinator";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openMemoryStore } from "../../../coordinator/src/store/sqlite/open-sqlite-store.js";
import { ScriptedIssuer } from "../scripted/scripted-issuer.js";
import { ADMIN_KEY, startTestCoordinator, type TestCoordinator } from "../scripted/test-coordinator.js";

// Signing in with an identity provider, over real HTTP: a scripted one signs real tokens, right ones and wrong ones.

const PAGE = { "X-Requested-With": "hearth-dashboard", "Sec-Fetch-Site": "same-origin" };
const SETTINGS = { ...NO_SETTINGS, signIn: { ...NO_SETTINGS.signIn, wrongGuesses: 3 } };
const START = "/dashboard/oidc/start";
const CALLBACK = "/dashboard/oidc/callback";

let issuer: ScriptedIssuer;
let hearth: TestCoordinator;
beforeEach(async () => {
  issuer = await ScriptedIssuer.start();
  const config = issuer.config({
    HEARTH_OIDC_NAME: "Keycloak",
    HEARTH_OIDC_ROLES_CLAIM: "realm_access.roles",
    HEARTH_OIDC_ADMIN_ROLES: "hearth-admin",
    HEARTH_OIDC_READ_ROLES: "hearth-read",
    HEARTH_OIDC_ACCOUNT_CLAIM: "hearth_account",
    HEARTH_OIDC_ACCOUNTS: "Anna@example.com=anna,0815=anna",
  });
  hearth = await startTestCoordinator({ config, store: openMemoryStore(), settings: SETTINGS });
  await operator("POST", "/admin/accounts", { id: "anna" });
});
afterEach(async () => {
  await hearth[Symbol.asyncDispose]();
  await issuer[Symbol.asyncDispose]();
});

const operator = (method: string, path: string, body: object): Promise<Response> =>
  fetch(hearth.url + path, { method, headers: { Authorization: `Bearer ${ADMIN_KEY}` }, body: JSON.stringify(body) });

/** A browser follows no further than the coordinator's own answers. */
const visit = (path: string, cookie = ""): Promise<Response> =>
  fetch(hearth.url + path, { redirect: "manual", headers: { Cookie: cookie, "Sec-Fetch-Site": "cross-site" } });

const cookiesOf = (answer: Response): string =>
  answer.headers
    .getSetCookie()
    .map((each) => each.split(";")[0])
    .filter((each) => !each?.endsWith("="))
    .join("; ");

/** Presses the button. @returns where the browser is sent to, and its cookie */
async function begin(): Promise<{ readonly address: string; readonly cookie: string }> {
  const answer = await visit(START);
  expect(answer.status).toBe(303);
  return { address: answer.headers.get("location") ?? "", cookie: cookiesOf(answer) };
}

interface Ended {
  readonly at: string | null;
  /** What the page is sent with from then on. */
  readonly session: string;
}

async function come(search: string, cookie: string): Promise<Ended> {
  const answer = await visit(CALLBACK + search, cookie);
  expect(answer.status).toBe(303);
  return { at: answer.headers.get("location"), session: cookiesOf(answer) };
}

async function signIn(claims: Record<string, unknown> = {}): Promise<Ended> {
  issuer.claims = claims;
  const { address, cookie } = await begin();
  return come(issuer.authorize(address), cookie);
}

const ask = (path: string, Cookie: string): Promise<Response> =>
  fetch(hearth.url + path, { headers: { ...PAGE, Cookie } });
const shown = async (Cookie: string): Promise<unknown> => (await ask("/dashboard/session", Cookie)).json();
const IN = "/dashboard/";
const ADMIN = { realm_access: { roles: ["other", "hearth-admin"] } };
const refusedAs = (why: string): object => ({ at: `/dashboard/#sign-in=${why}`, session: "" });

it("tells the page what its button is called, and sends people away with state, nonce and PKCE", async () => {
  expect(await (await visit("/dashboard/sign-in-methods")).json()).toEqual({
    object: "sign_in_methods",
    oidc: { name: "Keycloak", path: START },
  });
  const answer = await visit(START);
  expect(answer.headers.get("set-cookie")).toMatch(
    /^hearth_log_in=hi-[\w-]{32}; Max-Age=600; Path=\/dashboard\/oidc; HttpOnly; SameSite=Lax$/,
  );
  const { origin, searchParams } = new URL(answer.headers.get("location") ?? "");
  expect(origin).toBe(issuer.url);
  expect(Object.fromEntries(searchParams)).toMatchObject({
    client_id: "hearth",
    redirect_uri: `http://hearth.test${CALLBACK}`,
    response_type: "code",
    scope: "openid email profile",
    code_challenge_method: "S256",
    state: expect.stringMatching(/^.{43}$/),
    nonce: expect.stringMatching(/^.{43}$/),
  });
});

it("has no button and no routes where none is set up", async () => {
  await using plain = await startTestCoordinator();
  expect(await (await fetch(`${plain.url}/dashboard/sign-in-methods`)).json()).toMatchObject({ oidc: null });
  expect((await fetch(plain.url + START, { headers: { Accept: "application/json" } })).status).toBe(404);
});

describe("who is vouched for", () => {
  it("is an operator by a role, in the same kind of session as one with a key", async () => {
    const { at, session } = await signIn({ ...ADMIN, email: "Ops@Example.com", email_verified: true });
    expect(at).toBe(IN);
    expect(session).toMatch(/^hearth_session=hs-[\w-]{32}$/);
    expect(await shown(session)).toMatchObject({ account: "admin", key_id: "oidc:ops@example.com", role: "operator" });
    expect((await ask("/admin/providers", session)).status).toBe(200);
    // Another page's request has the cookie, and counts for nothing.
    expect((await fetch(`${hearth.url}/admin/providers`, { headers: { Cookie: session } })).status).toBe(401);
    const change = (Cookie: string): Promise<Response> =>
      fetch(`${hearth.url}/admin/accounts`, { method: "POST", headers: { ...PAGE, Cookie }, body: '{"id":"ben"}' });
    expect((await change(session)).status).toBe(201);
    expect(await (await ask("/admin/audit", session)).json()).toMatchObject({
      data: expect.arrayContaining([expect.objectContaining({ key_id: "oidc:ops@example.com" })]),
    });
    const looking = await signIn({ realm_access: { roles: "hearth-read" } });
    expect((await ask("/admin/providers", looking.session)).status).toBe(200);
    expect((await change(looking.session)).status).toBe(403);
  });

  it.each([
    ["subject", { sub: "0815" }],
    ["verified e-mail address", { email: "anna@Example.com", email_verified: true }],
    ["claim", { hearth_account: "anna" }],
  ])("is an account by the %s, and no operator", async (_by, claims) => {
    const { at, session } = await signIn(claims);
    expect(at).toBe(IN);
    expect(await shown(session)).toMatchObject({ account: "anna", role: "owner", scopes: ["inference", "provider"] });
    expect((await ask("/v1/me/providers", session)).status).toBe(200);
    expect((await ask("/admin/providers", session)).status).toBe(403);
  });

  it("loses the account when it is suspended", async () => {
    const { session } = await signIn({ sub: "0815" });
    await operator("PATCH", "/admin/accounts/anna", { status: "suspended" });
    expect((await ask("/v1/me/providers", session)).status).toBe(403);
  });

  it.each([
    ["no role", {}],
    ["a role of another name", { realm_access: { roles: ["hearth-administrator"] } }],
    ["an e-mail address that nobody has verified", { email: "anna@example.com", email_verified: "true" }],
    ["an account that is not there", { hearth_account: "nobody" }],
    ["an account that is none", { hearth_account: "../admin" }],
  ])("is refused with %s, and told so", async (_what, claims) => {
    expect(await signIn(claims)).toEqual(refusedAs("no_role"));
  });
});

describe("what is not as it should be is refused", () => {
  it.each([
    ["another nonce", { nonce: "another" }],
    ["another audience", { aud: "somebody-else" }],
    ["another issuer", { iss: "http://127.0.0.1:1" }],
    ["a token that is over", { exp: Math.floor(Date.now() / 1000) - 60 }],
  ])("%s", async (_what, claims) => {
    expect(await signIn({ ...ADMIN, ...claims })).toEqual(refusedAs("invalid"));
  });

  it("a signature by another key", async () => {
    issuer.isForging = true;
    expect(await signIn(ADMIN)).toEqual(refusedAs("invalid"));
  });

  it("another state, and what is too long", async () => {
    issuer.claims = ADMIN;
    const first = await begin();
    const search = issuer.authorize(first.address).replace(/state=[^&]+/, "state=another");
    expect(await come(search, first.cookie)).toEqual(refusedAs("invalid"));
    const second = await begin();
    const long = `${issuer.authorize(second.address)}&x=${"x".repeat(9_000)}`;
    expect(await come(long, second.cookie)).toEqual(refusedAs("invalid"));
  });

  it("what comes from another browser, or a second time", async () => {
    issuer.claims = ADMIN;
    const { address, cookie } = await begin();
    const search = issuer.authorize(address);
    expect(await come(search, "")).toEqual(refusedAs("expired"));
    expect((await come(search, cookie)).at).toBe(IN);
    expect(await come(search, cookie)).toEqual(refusedAs("expired"));
  });

  it("a code that was spent before", async () => {
    issuer.claims = ADMIN;
    const first = await begin();
    const code = new URLSearchParams(issuer.authorize(first.address)).get("code") ?? "";
    await come(`?${new URLSearchParams({ code, state: stateOf(first.address) })}`, first.cookie);
    const second = await begin();
    const again = `?${new URLSearchParams({ code, state: stateOf(second.address) })}`;
    expect(await come(again, second.cookie)).toEqual(refusedAs("invalid"));
  });

  it("an address that has tried too often, for a while", async () => {
    for (let n = 0; n < 3; n++) await come("?code=x&state=y", "");
    expect((await visit(START)).headers.get("location")).toBe("/dashboard/#sign-in=busy");
    const withKey = { method: "POST", headers: PAGE, body: JSON.stringify({ key: ADMIN_KEY }) };
    expect((await fetch(`${hearth.url}/dashboard/session`, withKey)).status).toBe(429);
  });
});

it("tells who has changed their mind, and counts that for nothing", async () => {
  for (let n = 0; n < 4; n++) {
    const { address, cookie } = await begin();
    const search = `?${new URLSearchParams({ error: "access_denied", state: stateOf(address) })}`;
    expect(await come(search, cookie)).toEqual(refusedAs("denied"));
  }
});

it("says that the identity provider does not answer, before and after people were there", async () => {
  issuer.claims = ADMIN;
  const { address, cookie } = await begin();
  issuer.isDown = true;
  expect(await come(issuer.authorize(address), cookie)).toEqual(refusedAs("unreachable"));
});

it("starts while the identity provider is away, and asks it no more often than it is worth", async () => {
  expect(issuer.asked).toEqual([]);
  issuer.isDown = true;
  for (let n = 0; n < 5; n++) {
    expect((await visit(START)).headers.get("location")).toBe("/dashboard/#sign-in=unreachable");
  }
  expect(issuer.asked).toEqual(["/.well-known/openid-configuration"]);
});

const stateOf = (address: string): string => new URL(address).searchParams.get("state") ?? "";
