import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fingerprintOf } from "@hearth/attestation";
import type { Clock } from "@hearth/platform";
import type { Browser, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
// Not of either package's interface: the routes alone, and the agent's half of them.
import { systemClock as coordinatorClock } from "../../../coordinator/src/platform/clock.js";
import {
  ANNAS_KEY,
  type EnrolmentServer,
  startEnrolmentServer,
} from "../../../coordinator/src/testing/enrolment-server.js";
import { HttpFormClient } from "../../../provider-agent/src/enrol/form-client.js";
import { type LoginResult, login } from "../../../provider-agent/src/enrol/login.js";
import { loginWithToken } from "../../../provider-agent/src/enrol/login-with-token.js";
import { logout } from "../../../provider-agent/src/enrol/logout.js";
import { TokenStore } from "../../../provider-agent/src/enrol/token-store.js";
import { CHROMIUM_PATH, launchChromium, NO_CHROMIUM } from "../browser/chromium.js";

if (CHROMIUM_PATH === undefined) console.warn(`the approval page: ${NO_CHROMIUM}`);

const MACHINE = {
  identity: Buffer.alloc(32, 0x5a).toString("base64url"),
  name: "Anna's Mac Studio",
  platform: "darwin-arm64",
  agentVersion: "0.1.0",
};

/** The real clock, a hundred times as fast: nobody waits 5 s for a poll. */
const hasteful: Clock = {
  now: () => performance.now(),
  wallTime: () => Date.now(),
  setTimer(ms, fire) {
    const timer = setTimeout(fire, ms / 100);
    return { [Symbol.dispose]: () => clearTimeout(timer) };
  },
};

let server: EnrolmentServer;

beforeEach(async () => {
  server = await startEnrolmentServer({
    // Seen from the hasteful agent's side, an honest one.
    now: () => performance.now() * 100,
    wallTime: () => coordinatorClock.wallTime(),
    setTimer: (ms, fire) => coordinatorClock.setTimer(ms, fire),
  });
});

afterEach(() => server[Symbol.asyncDispose]());

interface Login {
  readonly code: string;
  readonly url: string;
  readonly result: Promise<LoginResult>;
}

/** Starts the agent's login and waits until it shows its code. */
function startLogin(machine = MACHINE): Promise<Login> {
  return new Promise((resolve, reject) => {
    const http = new HttpFormClient(coordinatorClock);
    const show = (code: string, url: string): void => resolve({ code, url, result });
    const options = { origin: server.url, machine, clock: hasteful, http, show };
    const result = login(options, AbortSignal.timeout(20_000));
    result.then((ended) => reject(new Error(ended.type)), reject);
  });
}

const http = new HttpFormClient(coordinatorClock);
const never = new AbortController().signal;

describe("the agent against the coordinator's own routes", () => {
  it("logs in over the page, keeps its token, and gives it back", async () => {
    const { code, url, result } = await startLogin();
    expect(url).toBe(`${server.url}/device?user_code=${code}`);
    const form = (fields: Record<string, string>) => ({ method: "POST", body: new URLSearchParams(fields) });
    const signIn = { ...form({ api_key: ANNAS_KEY, user_code: code }), redirect: "manual" as const };
    const signedIn = await fetch(`${server.url}/device/sign-in`, signIn);
    const headers = { Cookie: signedIn.headers.get("set-cookie")?.split(";")[0] ?? "" };
    const page = await (await fetch(url, { headers })).text();
    expect(page).toContain(fingerprintOf(MACHINE.identity));
    const csrf = /name="csrf" value="([^"]+)"/.exec(page)?.[1] ?? "";
    const decision = form({ csrf, user_code: code, verdict: "approved" });
    expect((await fetch(`${server.url}/device/decide`, { ...decision, headers })).status).toBe(200);

    const issued = await result;
    if (issued.type !== "issued") throw new Error(issued.type);
    const { machine } = issued;
    const resolved = { account: "anna", identity: MACHINE.identity, enrolmentId: machine.machineId };
    expect(server.enrolment.tokens.resolve(machine.token)).toEqual(resolved);

    const dataDir = mkdtempSync(join(tmpdir(), "hearth-login-"));
    const tokens = new TokenStore(dataDir, "default");
    tokens.save(server.url, machine);
    expect(tokens.load(server.url)).toEqual(machine);
    expect(await logout({ origin: server.url, tokens, http }, never)).toEqual({ type: "logged_out" });
    expect(server.enrolment.tokens.resolve(machine.token)).toBeUndefined();
    expect(server.revoked).toEqual([`${MACHINE.identity} ${machine.machineId}`]);
    rmSync(dataDir, { recursive: true });
  });

  it("hears of a denial", async () => {
    const { code, result } = await startLogin();
    server.enrolment.decideDevice(code, "denied", { account: "anna", address: "127.0.0.1" });
    expect(await result).toEqual({ type: "denied", problem: "The owner denied it." });
  });

  it("enrols headless machines, one for each token", async () => {
    const ordered = await fetch(`${server.url}/v1/enrolment-tokens`, {
      method: "POST",
      headers: { Authorization: `Bearer ${ANNAS_KEY}` },
      body: JSON.stringify({ count: 2 }),
    });
    const { data } = (await ordered.json()) as { data: { token: string }[] };
    const spend = (n: number, byte: number) => {
      const machine = { ...MACHINE, identity: Buffer.alloc(32, byte).toString("base64url") };
      return loginWithToken({ origin: server.url, machine, enrolmentToken: data[n]?.token ?? "", http }, never);
    };
    const results = await Promise.all([spend(0, 1), spend(0, 2), spend(1, 3)]);
    expect(results.map(({ type }) => type).sort()).toEqual(["issued", "issued", "refused"]);
    const problem = "This enrolment token was used already: each is good for one machine.";
    expect(results).toContainEqual({ type: "refused", problem });
  });
});

describe.skipIf(CHROMIUM_PATH === undefined)("the approval page in a browser", () => {
  let pictures: string;
  let browser: Browser;

  beforeAll(async () => {
    browser = await launchChromium();
    pictures = mkdtempSync(join(tmpdir(), "hearth-enrolment-page-"));
    console.log(`Screenshots: ${pictures}`);
  });

  afterAll(() => browser?.close());

  interface Visit extends AsyncDisposable {
    readonly page: Page;
    /** What the browser complained of: a style that the policy forbids, a failed load. */
    readonly complaints: readonly string[];
    picture(name: string): Promise<void>;
  }

  async function visit(colorScheme: "light" | "dark" = "light", width = 900): Promise<Visit> {
    const context = await browser.newContext({
      colorScheme,
      viewport: { width, height: 800 },
      javaScriptEnabled: false,
    });
    const page = await context.newPage();
    page.setDefaultTimeout(10_000);
    const complaints: string[] = [];
    page.on("console", (message) => complaints.push(message.text()));
    page.on("requestfailed", (request) => complaints.push(`failed: ${request.url()}`));
    return {
      page,
      complaints,
      picture: async (name) => void (await page.screenshot({ path: join(pictures, `${name}.png`), fullPage: true })),
      [Symbol.asyncDispose]: () => context.close(),
    };
  }

  it("approves a machine from the link that the agent shows, by keyboard alone and without any script", async () => {
    await using visited = await visit();
    const { page, picture, complaints } = visited;
    const { code, url, result } = await startLogin();
    await page.goto(url);
    await picture("1-sign-in");
    // The field has the focus already.
    await page.keyboard.type(ANNAS_KEY);
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { name: "Approve this machine?" }).waitFor();
    await picture("2-confirm");
    for (const text of [code, MACHINE.name, MACHINE.platform, fingerprintOf(MACHINE.identity), "127.0.0.1", "anna"]) {
      await expect(page.locator("main").textContent()).resolves.toContain(text);
    }
    const cookies = await page.context().cookies();
    expect(cookies).toMatchObject([{ httpOnly: true, sameSite: "Strict", path: "/device" }]);
    await page.getByRole("button", { name: "Approve" }).press("Enter");
    await page.getByRole("heading", { name: "Machine approved" }).waitFor();
    await picture("3-approved");
    expect(await result).toMatchObject({ type: "issued", machine: { account: "anna" } });
    expect(complaints).toEqual([]);
  });

  it("tells what is wrong, in the dark and on a narrow screen too", async () => {
    await using visited = await visit("dark", 360);
    const { page, picture } = visited;
    await page.goto(`${server.url}/device`);
    await page.getByLabel("API key").fill("hk-not-a-key");
    await page.getByRole("button", { name: "Sign in" }).click();
    await expect(page.getByRole("alert").textContent()).resolves.toContain("This API key is not valid.");
    await picture("4-wrong-key-dark");
    await page.getByLabel("API key").fill(ANNAS_KEY);
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.getByLabel("Code").fill("bbbb bbbb");
    await page.getByRole("button", { name: "Continue" }).click();
    await expect(page.getByRole("alert").textContent()).resolves.toContain("No machine waits under this code.");
    await picture("5-unknown-code-dark");
    const { code, result } = await startLogin();
    await page.getByLabel("Code").fill(code.toLowerCase());
    await page.getByRole("button", { name: "Continue" }).click();
    await page.getByRole("button", { name: "Deny" }).waitFor();
    await picture("6-confirm-dark");
    const width = await page.evaluate("document.documentElement.scrollWidth");
    expect(width).toBeLessThanOrEqual(360);
    await page.getByRole("button", { name: "Deny" }).click();
    await page.getByRole("heading", { name: "Machine denied" }).waitFor();
    expect((await result).type).toBe("denied");
    await page.getByRole("button", { name: "Sign out" }).click();
    await page.getByLabel("API key").waitFor();
  });
});
