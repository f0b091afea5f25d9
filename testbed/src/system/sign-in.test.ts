import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createLogger, NO_SETTINGS } from "@hearth/coordinator";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openMemoryStore } from "../../../coordinator/src/store/sqlite/open-sqlite-store.js";
import { ADMIN_KEY, API_KEY, startTestCoordinator, type TestCoordinator } from "../scripted/test-coordinator.js";

// The web page's sessions, over real HTTP: what a browser sends, and what other pages and guessers get.

const PAGE = { "X-Requested-With": "hearth-dashboard", "Sec-Fetch-Site": "same-origin" };
const SETTINGS = { ...NO_SETTINGS, signIn: { ...NO_SETTINGS.signIn, wrongGuesses: 3 } };

let hearth: TestCoordinator;
beforeEach(async () => {
  hearth = await startTestCoordinator({ store: openMemoryStore(), settings: SETTINGS });
});
afterEach(() => hearth[Symbol.asyncDispose]());

const ask = (method: string, path: string, headers: Record<string, string>, body?: object): Promise<Response> =>
  fetch(hearth.url + path, { method, headers, ...(body && { body: JSON.stringify(body) }) });

const signIn = (credential: object, headers: Record<string, string> = PAGE): Promise<Response> =>
  ask("POST", "/dashboard/session", headers, credential);

/** What a browser sends from then on. */
async function cookieOf(response: Promise<Response>): Promise<string> {
  const answer = await response;
  expect(answer.status).toBe(200);
  return answer.headers.get("set-cookie")?.split(";")[0] ?? "";
}

async function errorOf(response: Promise<Response>): Promise<readonly unknown[]> {
  const answer = await response;
  const { error } = (await answer.json()) as {
    readonly error: { readonly code: string | null; readonly type: string };
  };
  return [answer.status, error.code ?? error.type];
}

describe("who signs in", () => {
  it("gets a session that scripts cannot read, and that is as good as the operator's key", async () => {
    const answer = await signIn({ key: ADMIN_KEY });
    expect(await answer.json()).toMatchObject({ account: "admin", role: "operator", scopes: ["admin"] });
    const cookie = answer.headers.get("set-cookie") ?? "";
    expect(cookie).toMatch(/^hearth_session=hs-[\w-]{32}; Max-Age=43200; Path=\/; HttpOnly; SameSite=Strict$/);
    expect(cookie).not.toContain(ADMIN_KEY);
    const signedIn = { ...PAGE, Cookie: cookie.split(";")[0]! };
    expect((await ask("GET", "/admin/providers", signedIn)).status).toBe(200);
    expect(await (await ask("GET", "/dashboard/session", signedIn)).json()).toMatchObject({ role: "operator" });
  });

  it("tries the API on the page: as a consumer with his key, as the operator with the coordinator's own", async () => {
    await hearth.provider((s) => s.answer("good"));
    const body = { model: "m", messages: [{ role: "user", content: "hi" }] };
    for (const key of [API_KEY, ADMIN_KEY]) {
      const Cookie = await cookieOf(signIn({ key }));
      expect((await ask("POST", "/v1/chat/completions", { ...PAGE, Cookie }, body)).status).toBe(200);
    }
  });

  it("sees what his key lets him see, and no more", async () => {
    const Cookie = await cookieOf(signIn({ key: API_KEY }));
    const session = (await (await ask("GET", "/dashboard/session", { ...PAGE, Cookie })).json()) as object;
    expect(session).toMatchObject({ account: "default", role: "owner" });
    expect(await errorOf(ask("GET", "/admin/providers", { ...PAGE, Cookie }))).toEqual([401, "invalid_api_key"]);
    expect((await ask("GET", "/v1/me/providers", { ...PAGE, Cookie })).status).toBe(200);
  });

  it("marks the cookie for HTTPS where the page is reached by it", async () => {
    const answer = await signIn({ key: ADMIN_KEY }, { ...PAGE, "X-Forwarded-Proto": "https" });
    expect(answer.headers.get("set-cookie")).toContain("; Secure");
  });

  it("is signed out for good", async () => {
    const Cookie = await cookieOf(signIn({ key: ADMIN_KEY }));
    const out = await ask("DELETE", "/dashboard/session", { ...PAGE, Cookie });
    expect(out.headers.get("set-cookie")).toMatch(/^hearth_session=; Max-Age=0/);
    expect(await errorOf(ask("GET", "/admin/providers", { ...PAGE, Cookie }))).toEqual([401, "invalid_api_key"]);
    expect((await ask("GET", "/dashboard/session", { ...PAGE, Cookie })).status).toBe(401);
  });

  it("is signed out with the key, when that is revoked", async () => {
    const operator = { Authorization: `Bearer ${ADMIN_KEY}` };
    await ask("POST", "/admin/accounts", operator, { id: "anna", name: "Anna" });
    const made = await ask("POST", "/admin/accounts/anna/keys", operator, { name: "app", scopes: ["inference"] });
    const { id, key } = (await made.json()) as { readonly id: string; readonly key: string };
    const Cookie = await cookieOf(signIn({ key }));
    expect((await ask("GET", "/v1/key", { ...PAGE, Cookie })).status).toBe(200);
    await ask("DELETE", `/admin/keys/${id}`, operator);
    expect((await ask("GET", "/v1/key", { ...PAGE, Cookie })).status).toBe(401);
  });
});

describe("a link to sign in with", () => {
  const newLink = async (): Promise<{ readonly link: string; readonly path: string }> => {
    const made = await ask("POST", "/admin/sign-in-links", { Authorization: `Bearer ${ADMIN_KEY}` });
    expect(made.status).toBe(201);
    return (await made.json()) as { readonly link: string; readonly path: string };
  };

  it("opens one session, and is no key to anything else", async () => {
    const { link, path } = await newLink();
    expect(path).toBe(`/dashboard/#link=${link}`);
    expect((await hearth.get("/admin/providers", link)).status).toBe(401);
    const Cookie = await cookieOf(signIn({ link }));
    expect((await ask("GET", "/admin/providers", { ...PAGE, Cookie })).status).toBe(200);
    expect(await errorOf(signIn({ link }))).toEqual([401, "invalid_api_key"]);
  });

  it("is made with the operator's key alone", async () => {
    expect((await ask("POST", "/admin/sign-in-links", { Authorization: `Bearer ${API_KEY}` })).status).toBe(401);
  });
});

describe("somebody else", () => {
  it("cannot use a session from another page, or without saying what no other page can", async () => {
    const Cookie = await cookieOf(signIn({ key: ADMIN_KEY }));
    const { "X-Requested-With": page } = PAGE;
    for (const headers of [
      { Cookie },
      { Cookie, "Sec-Fetch-Site": "same-origin" },
      { Cookie, "X-Requested-With": page!, "Sec-Fetch-Site": "cross-site" },
      { Cookie, "X-Requested-With": page!, "Sec-Fetch-Site": "same-site" },
    ]) {
      expect(await errorOf(ask("GET", "/admin/providers", headers as Record<string, string>))).toEqual([
        401,
        "invalid_api_key",
      ]);
    }
  });

  it("cannot sign somebody in from another page", async () => {
    const headers = { ...PAGE, "Sec-Fetch-Site": "cross-site" };
    expect(await errorOf(signIn({ key: API_KEY }, headers))).toEqual([400, "invalid_request_error"]);
  });

  it("has to wait after some guesses, also with a good key then, and others need not", async () => {
    for (let n = 0; n < 3; n++) expect(await errorOf(signIn({ key: `guess ${n}` }))).toEqual([401, "invalid_api_key"]);
    const refused = await signIn({ key: ADMIN_KEY });
    expect([refused.status, Number(refused.headers.get("retry-after"))]).toEqual([429, expect.closeTo(900, -1)]);
    expect((await hearth.get("/admin/providers", ADMIN_KEY)).status).toBe(200);
  });

  it.each([{}, { key: "" }, { key: 1 }, { key: "x".repeat(600) }, { key: "a", link: "b" }])(
    "is told that %j is no key",
    async (credential) => {
      expect(await errorOf(signIn(credential))).toEqual([400, "invalid_request_error"]);
    },
  );
});

it("says how much is logged, and changes it while it runs", async () => {
  const log = createLogger("silent");
  await using coordinator = await startTestCoordinator({ log });
  const headers = { Authorization: `Bearer ${ADMIN_KEY}` };
  const put = (level: string): Promise<Response> =>
    fetch(`${coordinator.url}/admin/log-level`, { method: "PUT", headers, body: JSON.stringify({ level }) });
  expect((await put("fatal")).status).toBe(200);
  expect(log.level).toBe("fatal");
  expect(await (await coordinator.get("/admin/log-level", ADMIN_KEY)).json()).toEqual({ level: "fatal" });
  expect((await put("loud")).status).toBe(400);
});

describe("the page's files", () => {
  let dir: string;
  let serving: TestCoordinator;
  beforeEach(async () => {
    dir = mkdtempSync(join(tmpdir(), "hearth-page-"));
    writeFileSync(join(dir, "index.html"), "<!doctype html><title>Hearth</title>");
    writeFileSync(join(dir, "app.js"), "1");
    serving = await startTestCoordinator({ config: { dashboardDir: dir } });
  });
  afterEach(async () => {
    await serving[Symbol.asyncDispose]();
    rmSync(dir, { recursive: true });
  });

  it("come with headers that let nothing else run", async () => {
    const page = await fetch(`${serving.url}/dashboard/`);
    expect(await page.text()).toContain("<title>Hearth</title>");
    expect(page.headers.get("content-security-policy")).toContain("default-src 'none'; script-src 'self'");
    expect(page.headers.get("x-frame-options")).toBe("DENY");
    expect(page.headers.get("cache-control")).toBe("no-cache");
    expect((await fetch(`${serving.url}/dashboard`)).url).toBe(`${serving.url}/dashboard/`);
    expect((await fetch(`${serving.url}/dashboard/app.js`)).headers.get("content-type")).toContain("javascript");
  });

  it("are the page itself at its own addresses, and nothing outside its directory", async () => {
    const html = { headers: { Accept: "text/html" } };
    expect(await (await fetch(`${serving.url}/dashboard/requests/req_1`, html)).text()).toContain("Hearth");
    expect((await fetch(`${serving.url}/dashboard/missing.js`)).status).toBe(404);
    for (const path of ["..%2fetc%2fpasswd", "%2e%2e/%2e%2e/etc/passwd", "..\\..\\etc\\passwd"]) {
      expect((await fetch(`${serving.url}/dashboard/${path}`)).status).toBe(404);
    }
  });
});
