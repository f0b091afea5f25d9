import { FakeClock } from "@hearth/platform/testing";
import { afterEach, beforeEach, expect, it } from "vitest";
import {
  ADMIN_KEY,
  ANNAS_KEY,
  BENS_KEY,
  CONSUMERS_KEY,
  type EnrolmentServer,
  startEnrolmentServer,
} from "../../testing/enrolment-server.js";

let clock: FakeClock;
let server: EnrolmentServer;

beforeEach(async () => {
  clock = new FakeClock();
  clock.advance(1_700_000_000_000);
  server = await startEnrolmentServer(clock);
});

afterEach(() => server[Symbol.asyncDispose]());

interface Answer {
  readonly status: number;
  // biome-ignore lint/suspicious/noExplicitAny: whatever the server says
  readonly body: any;
}

async function call(method: string, path: string, key?: string, body?: unknown): Promise<Answer> {
  const response = await fetch(server.url + path, {
    method,
    headers: key === undefined ? {} : { Authorization: `Bearer ${key}` },
    ...(body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body) }),
  });
  return { status: response.status, body: await response.json() };
}

/** Enrols a machine for an account. @returns its id and token */
async function enrol(account: string, letter: string): Promise<{ id: string; token: string }> {
  const created = await server.enrolment.createTokens({ account, count: 1, lifetimeMs: 60_000, note: "" });
  if (created === "account_full") throw new Error(created);
  const request = { identity: letter.repeat(43), name: `Mini ${letter}`, platform: "darwin", agentVersion: "0.1.0" };
  const redeemed = await server.enrolment.redeemToken(created[0]!.token, request, "192.0.2.1");
  if (redeemed.type !== "issued") throw new Error(redeemed.type);
  return { id: redeemed.machine.id, token: redeemed.token };
}

it("shows machines to no key that is for requests alone", async () => {
  for (const path of ["/v1/machines", "/v1/enrolment-tokens"]) {
    const { status, body } = await call("GET", path, CONSUMERS_KEY);
    expect([status, body.error.code]).toEqual([403, "insufficient_scope"]);
    expect(body.error.message).toContain("'provider'");
  }
});

it("shows an owner his own machines, and the operator all of them", async () => {
  const annas = await enrol("anna", "A");
  clock.advance(1_000);
  const bens = await enrol("ben", "B");
  const { body } = await call("GET", "/v1/machines", ANNAS_KEY);
  expect(body).toEqual({
    object: "list",
    data: [
      {
        id: annas.id,
        object: "machine",
        account: "anna",
        status: "active",
        identity: "A".repeat(43),
        fingerprint: "0000-0000-0000-0000-0000",
        name: "Mini A",
        platform: "darwin",
        agent_version: "0.1.0",
        method: "enrolment_token",
        provider: null,
        reputation: null,
        created_at: 1_700_000_000,
        last_seen_at: null,
        revoked_at: null,
      },
    ],
    last_id: annas.id,
    has_more: false,
  });
  const ids = async (path: string, key: string): Promise<string[]> =>
    (await call("GET", path, key)).body.data.map(({ id }: { id: string }) => id);
  expect(await ids("/admin/machines", ADMIN_KEY)).toEqual([annas.id, bens.id]);
  expect(await ids("/admin/machines?account=ben", ADMIN_KEY)).toEqual([bens.id]);
  // Asking for somebody else's does not help.
  expect(await ids("/v1/machines?account=ben", ANNAS_KEY)).toEqual([annas.id]);
  expect((await call("GET", "/admin/machines?limit=1", ADMIN_KEY)).body).toMatchObject({ has_more: true });
  expect(await ids(`/admin/machines?limit=1&after=${annas.id}`, ADMIN_KEY)).toEqual([bens.id]);
});

it("revokes an owner's own machine only, and the operator any, at once", async () => {
  const annas = await enrol("anna", "A");
  expect(await call("DELETE", `/v1/machines/${annas.id}`, BENS_KEY)).toMatchObject({ status: 404 });
  expect(server.enrolment.tokens.resolve(annas.token)).toBeDefined();
  const deleted = { id: annas.id, object: "machine", deleted: true };
  expect(await call("DELETE", `/v1/machines/${annas.id}`, ANNAS_KEY)).toEqual({ status: 200, body: deleted });
  expect(server.enrolment.tokens.resolve(annas.token)).toBeUndefined();
  expect(server.revoked).toEqual([`${"A".repeat(43)} ${annas.id}`]);
  expect((await call("DELETE", `/v1/machines/${annas.id}`, ANNAS_KEY)).status).toBe(404);
  const bens = await enrol("ben", "B");
  expect((await call("DELETE", `/admin/machines/${bens.id}`, ADMIN_KEY)).status).toBe(200);
  expect((await call("GET", "/v1/machines", BENS_KEY)).body.data).toMatchObject([{ status: "revoked" }]);
});

it("makes tokens for the caller's own account, or for any that the operator names", async () => {
  const own = await call("POST", "/v1/enrolment-tokens", ANNAS_KEY, { count: 2, expires_in: 3_600, note: "rack 4" });
  expect(own.status).toBe(201);
  expect(own.body.data).toHaveLength(2);
  expect(own.body.data[0]).toEqual({
    id: expect.stringMatching(/^et_/),
    object: "enrolment_token",
    account: "anna",
    status: "unused",
    token: expect.stringMatching(/^he-/),
    note: "rack 4",
    expires_at: 1_700_003_600,
  });
  const named = await call("POST", "/admin/enrolment-tokens", ADMIN_KEY, { account: "ben" });
  expect(named.body.data).toMatchObject([{ account: "ben", expires_at: 1_700_086_400 }]);
  const listed = await call("GET", "/v1/enrolment-tokens", ANNAS_KEY);
  expect(listed.body.data).toHaveLength(2);
  expect(JSON.stringify(listed.body)).not.toContain("he-");
  expect(server.log()).not.toContain(own.body.data[0].token);
});

it("makes a token of one's own account without a body", async () => {
  expect((await call("POST", "/v1/enrolment-tokens", ANNAS_KEY)).body.data).toMatchObject([{ account: "anna" }]);
});

it.each([
  ["no account from the operator", {}, "account"],
  ["more than 30 days", { account: "anna", expires_in: 2_592_001 }, "expires_in"],
  ["less than a minute", { account: "anna", expires_in: 59 }, "expires_in"],
  ["more than 1000", { account: "anna", count: 1_001 }, "count"],
  ["none", { account: "anna", count: 0 }, "count"],
  ["a fraction", { account: "anna", count: 1.5 }, "count"],
  ["a long note", { account: "anna", note: "x".repeat(257) }, "note"],
  ["no JSON", "count=1", null],
  ["a list", [], null],
])("refuses an order for tokens with %s, and names the member", async (_what, body, param) => {
  const answer = await call("POST", "/admin/enrolment-tokens", ADMIN_KEY, body);
  expect(answer).toMatchObject({ status: 400, body: { error: { param } } });
});

it("makes no tokens for somebody else's account", async () => {
  const answer = await call("POST", "/v1/enrolment-tokens", ANNAS_KEY, { account: "ben" });
  expect(answer).toMatchObject({ status: 400, body: { error: { param: "account" } } });
  expect((await call("GET", "/admin/enrolment-tokens", ADMIN_KEY)).body.data).toEqual([]);
});

it("refuses more unused tokens than an account may have", async () => {
  for (let n = 0; n < 10; n++) await call("POST", "/v1/enrolment-tokens", ANNAS_KEY, { count: 1_000 });
  expect(await call("POST", "/v1/enrolment-tokens", ANNAS_KEY, { count: 1 })).toMatchObject({
    status: 429,
    body: { error: { code: "rate_limit_exceeded" } },
  });
});

it("revokes a token that leaked before anybody used it", async () => {
  const { body } = await call("POST", "/v1/enrolment-tokens", ANNAS_KEY, {});
  const { id } = body.data[0];
  expect((await call("DELETE", `/v1/enrolment-tokens/${id}`, BENS_KEY)).status).toBe(404);
  expect((await call("DELETE", `/v1/enrolment-tokens/${id}`, ANNAS_KEY)).status).toBe(200);
  expect((await call("GET", "/v1/enrolment-tokens", ANNAS_KEY)).body.data).toMatchObject([{ status: "revoked" }]);
});

it("refuses a list with a query that makes no sense", async () => {
  for (const query of ["limit=0", "limit=1001", "limit=many", "after=", `account=${"x".repeat(129)}`]) {
    expect((await call("GET", `/admin/machines?${query}`, ADMIN_KEY)).status, query).toBe(400);
  }
  expect((await call("GET", "/admin/machines?after=nobody", ADMIN_KEY)).body.data).toEqual([]);
});

it("lets nobody in without the right key", async () => {
  for (const path of ["machines", "enrolment-tokens"]) {
    for (const [prefix, key] of [
      ["/v1", undefined],
      ["/v1", ADMIN_KEY],
      ["/admin", undefined],
      ["/admin", ANNAS_KEY],
    ] as const) {
      for (const [method, route] of [
        ["GET", path],
        ["DELETE", `${path}/x`],
        ...(path === "machines" ? [] : ([["POST", path]] as const)),
      ] as const) {
        expect((await call(method, `${prefix}/${route}`, key)).status, `${method} ${prefix}/${route}`).toBe(401);
      }
    }
  }
});
