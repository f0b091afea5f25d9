import { FakeClock } from "@hearth/platform/testing";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ENROLMENT_LIMITS } from "../../enrolment/enrolment-limits.js";
import { showUserCode } from "../../enrolment/user-code.js";
import {
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
  server = await startEnrolmentServer(clock);
});

afterEach(() => server[Symbol.asyncDispose]());

interface Seen {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
}

/** A browser without a screen: it keeps its cookie and follows no redirect by itself. */
class Visitor {
  cookie: string | undefined;
  #headers: Record<string, string>;

  constructor(headers: Record<string, string> = { "Sec-Fetch-Site": "same-origin" }) {
    this.#headers = headers;
  }

  get(path: string): Promise<Seen> {
    return this.#send(path, { method: "GET" });
  }

  post(path: string, form: Record<string, string>): Promise<Seen> {
    return this.#send(path, { method: "POST", body: new URLSearchParams(form) });
  }

  /** Signs in and follows to where that leads. */
  async signIn(key = ANNAS_KEY, userCode = ""): Promise<Seen> {
    const { status, headers } = await this.post("/device/sign-in", { api_key: key, user_code: userCode });
    expect(status).toBe(303);
    return this.get(headers.get("location") ?? "");
  }

  async #send(path: string, init: RequestInit): Promise<Seen> {
    const cookies = this.cookie === undefined ? {} : { Cookie: this.cookie };
    const headers = { ...this.#headers, ...cookies };
    const response = await fetch(server.url + path, { ...init, headers, redirect: "manual" });
    const set = response.headers.get("set-cookie");
    if (set !== null) this.cookie = set.split(";", 1)[0];
    return { status: response.status, headers: response.headers, text: await response.text() };
  }
}

function ask(name = "Anna's <b>Studio</b>"): { deviceCode: string; userCode: string } {
  const request = { identity: "A".repeat(43), name, platform: "darwin-arm64", agentVersion: "0.1.0" };
  const codes = server.enrolment.requestDevice(request, "198.51.100.7");
  if (codes.type === "full") throw new Error("full");
  return { deviceCode: codes.deviceCode, userCode: showUserCode(codes.grant.userCode) };
}

const csrfOf = (text: string): string => /name="csrf" value="([^"]+)"/.exec(text)?.[1] ?? "none";

describe("the page", () => {
  it("leads from the link over signing in to the machine, and approves it", async () => {
    const { deviceCode, userCode } = ask();
    clock.advance(130_000);
    const visitor = new Visitor();
    const first = await visitor.get(`/device?user_code=${userCode}`);
    expect(first.status).toBe(200);
    expect(first.text).toContain(`name="user_code" value="${userCode}"`);
    expect(first.text).not.toContain("Studio");
    const confirm = await visitor.signIn(ANNAS_KEY, userCode);
    expect(confirm.text).toContain("Anna&#39;s &lt;b&gt;Studio&lt;/b&gt;");
    for (const shown of [
      "darwin-arm64",
      "198.51.100.7",
      "2 minutes ago",
      "0000-0000-0000-0000-0000",
      userCode,
      "anna",
    ]) {
      expect(confirm.text).toContain(shown);
    }
    const form = { csrf: csrfOf(confirm.text), user_code: userCode, verdict: "approved" };
    const decided = await visitor.post("/device/decide", form);
    expect(decided.status).toBe(200);
    expect(decided.text).toContain("Machine approved");
    expect((await server.enrolment.pollDevice(deviceCode)).type).toBe("issued");
    expect((await visitor.post("/device/decide", form)).status).toBe(404);
  });

  it("denies a machine", async () => {
    const { deviceCode, userCode } = ask();
    const visitor = new Visitor();
    const csrf = csrfOf((await visitor.signIn(ANNAS_KEY, userCode)).text);
    const decided = await visitor.post("/device/decide", { csrf, user_code: userCode, verdict: "denied" });
    expect(decided.text).toContain("Machine denied");
    expect(await server.enrolment.pollDevice(deviceCode)).toEqual({ type: "access_denied" });
  });

  it("asks for the code where there was none in the link, and takes it in any form", async () => {
    const { userCode } = ask();
    const visitor = new Visitor();
    expect((await visitor.signIn()).text).toContain("Enter the code that the machine shows");
    const typed = encodeURIComponent(` ${userCode.replace("-", " ").toLowerCase()}`);
    expect((await visitor.get(`/device?user_code=${typed}`)).text).toContain("Approve this machine?");
  });

  it("says what is wrong with a code", async () => {
    const visitor = new Visitor();
    await visitor.signIn();
    const malformed = await visitor.get("/device?user_code=HELLO");
    expect([malformed.status, malformed.text.includes("8 letters and no vowels")]).toEqual([400, true]);
    const unknown = await visitor.get("/device?user_code=BBBB-BBBB");
    expect([unknown.status, unknown.text.includes("No machine waits under this code")]).toEqual([404, true]);
    const { userCode } = ask();
    clock.advance(ENROLMENT_LIMITS.codeLifetimeMs);
    await visitor.signIn();
    expect((await visitor.get(`/device?user_code=${userCode}`)).status).toBe(404);
  });

  it("stops somebody who guesses at codes", async () => {
    const visitor = new Visitor();
    await visitor.signIn();
    for (let n = 0; n < ENROLMENT_LIMITS.wrongGuesses; n++) await visitor.get("/device?user_code=BBBB-BBBB");
    const blocked = await visitor.get(`/device?user_code=${ask().userCode}`);
    expect([blocked.status, blocked.headers.get("retry-after")]).toEqual([429, "900"]);
    expect(blocked.text).toContain("Try again in 15 minutes.");
  });

  it("signs nobody in with a key that is for requests alone", async () => {
    const refused = await new Visitor().post("/device/sign-in", { api_key: CONSUMERS_KEY });
    expect([refused.status, refused.headers.get("set-cookie")]).toEqual([403, null]);
    expect(refused.text).toContain("it lacks the scope &#39;provider&#39;");
  });

  it("shows nothing to somebody who signs in with a wrong key, and keeps what he typed from the answer", async () => {
    const visitor = new Visitor();
    const refused = await visitor.post("/device/sign-in", { api_key: "hk-wrong", user_code: ask().userCode });
    expect([refused.status, refused.headers.get("set-cookie")]).toEqual([401, null]);
    expect(refused.text).toContain("This API key is not valid.");
    expect(refused.text + server.log()).not.toContain("hk-wrong");
    expect(server.events).toContain("sign_in_refused");
  });

  it("is quiet, cannot be framed, loads nothing and is never kept", async () => {
    const { headers, text } = await new Visitor().get("/device");
    const policy = headers.get("content-security-policy") ?? "";
    expect(policy).toMatch(/^default-src 'none'; style-src 'sha256-[A-Za-z0-9+/]{43}='; form-action 'self';/);
    expect(policy).toContain("frame-ancestors 'none'");
    expect(headers.get("cache-control")).toBe("no-store");
    expect(headers.get("x-content-type-options")).toBe("nosniff");
    expect(headers.get("referrer-policy")).toBe("same-origin");
    expect(text).not.toMatch(/<script|style="|javascript:|https?:\/\//);
  });
});

describe("a session", () => {
  it("lives in a cookie that no script and no other site can use, without the key", async () => {
    const { headers } = await new Visitor().post("/device/sign-in", { api_key: ANNAS_KEY });
    const cookie = headers.get("set-cookie") ?? "";
    expect(cookie).toMatch(/^hearth_device=[A-Za-z0-9_-]{32}; Max-Age=900; Path=\/device; HttpOnly; SameSite=Strict$/);
    expect(server.log()).not.toContain(ANNAS_KEY);
  });

  it("is for encrypted connections only where there is one", async () => {
    const visitor = new Visitor({ "Sec-Fetch-Site": "same-origin", "X-Forwarded-Proto": "https" });
    const { headers } = await visitor.post("/device/sign-in", { api_key: ANNAS_KEY });
    expect(headers.get("set-cookie")).toContain("; Secure");
  });

  it("ends after 15 minutes", async () => {
    const visitor = new Visitor();
    await visitor.signIn();
    clock.advance(899_999);
    expect((await visitor.get("/device")).text).toContain("Enter the code");
    clock.advance(1);
    expect((await visitor.get("/device")).text).toContain("API key");
  });

  it("ends when somebody signs out, also for whoever has copied the cookie", async () => {
    const visitor = new Visitor();
    const { text } = await visitor.signIn();
    const copy = new Visitor();
    copy.cookie = visitor.cookie;
    expect((await visitor.post("/device/sign-out", { csrf: "wrong" })).status).toBe(303);
    expect((await copy.get("/device")).text).toContain("Enter the code");
    await visitor.post("/device/sign-out", { csrf: csrfOf(text) });
    expect((await copy.get("/device")).text).toContain("API key");
  });

  it("ends when its owner signs in anew", async () => {
    const visitor = new Visitor();
    await visitor.signIn();
    const copy = new Visitor();
    copy.cookie = visitor.cookie;
    await visitor.signIn(BENS_KEY);
    expect((await copy.get("/device")).text).toContain("API key");
    expect((await visitor.get("/device")).text).toContain("Enter the code");
  });

  it("decides for its own account, whatever session asked before", async () => {
    const { deviceCode, userCode } = ask();
    const visitor = new Visitor();
    const stale = csrfOf((await visitor.signIn(ANNAS_KEY, userCode)).text);
    const fresh = csrfOf((await visitor.signIn(BENS_KEY, userCode)).text);
    const decide = (csrf: string) => visitor.post("/device/decide", { csrf, user_code: userCode, verdict: "approved" });
    expect((await decide(stale)).status).toBe(403);
    expect((await decide(fresh)).status).toBe(200);
    expect(await server.enrolment.pollDevice(deviceCode)).toMatchObject({ machine: { account: "ben" } });
  });
});

describe("a form from elsewhere", () => {
  const foreign = (): Record<string, string>[] => [
    { "Sec-Fetch-Site": "cross-site", Origin: server.url },
    { "Sec-Fetch-Site": "same-site" },
    { Origin: "https://evil.example" },
    { Origin: "null" },
  ];

  it("signs nobody in", async () => {
    for (const headers of foreign()) {
      const refused = await new Visitor(headers).post("/device/sign-in", { api_key: ANNAS_KEY });
      expect([refused.status, refused.headers.get("set-cookie")], JSON.stringify(headers)).toEqual([403, null]);
    }
  });

  it("decides nothing, and neither does one without the session's own mark", async () => {
    const { deviceCode, userCode } = ask();
    const owner = new Visitor();
    const csrf = csrfOf((await owner.signIn(ANNAS_KEY, userCode)).text);
    const form = { user_code: userCode, verdict: "approved" };
    for (const headers of foreign()) {
      const visitor = new Visitor(headers);
      visitor.cookie = owner.cookie;
      expect((await visitor.post("/device/decide", { ...form, csrf })).status).toBe(403);
    }
    expect((await owner.post("/device/decide", form)).status).toBe(403);
    expect((await owner.post("/device/decide", { ...form, csrf: "guess" })).status).toBe(403);
    expect((await new Visitor().post("/device/decide", { ...form, csrf })).status).toBe(403);
    expect(await server.enrolment.pollDevice(deviceCode)).toEqual({ type: "authorization_pending" });
  });

  it("passes where the origin says that it is the page's own", async () => {
    const { status } = await new Visitor({ Origin: server.url }).post("/device/sign-in", { api_key: ANNAS_KEY });
    expect(status).toBe(303);
  });
});

describe("what is no form", () => {
  it("is refused with a word", async () => {
    const visitor = new Visitor();
    const csrf = csrfOf((await visitor.signIn()).text);
    const { userCode } = ask();
    const odd = await visitor.post("/device/decide", { csrf, user_code: userCode, verdict: "perhaps" });
    expect([odd.status, odd.text.includes("verdict")]).toEqual([400, true]);
    const body = "x".repeat(9_000);
    const large = await fetch(`${server.url}/device/sign-in`, { method: "POST", body });
    expect(large.status).toBe(413);
    for (const path of ["/device/sign-in", "/device/sign-out", "/device/decide"]) {
      expect((await visitor.get(path)).status).toBe(405);
    }
  });
});
