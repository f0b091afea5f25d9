import { mkdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Browser, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { ScriptedIssuer } from "../scripted/scripted-issuer.js";
import type { ScriptedStream } from "../scripted/scripted-stream.js";
import { ADMIN_KEY, API_KEY, startTestCoordinator, type TestCoordinator } from "../scripted/test-coordinator.js";
import { CHROMIUM_PATH, launchChromium, NO_CHROMIUM } from "./chromium.js";

if (CHROMIUM_PATH === undefined) console.warn(`the dashboard of a coordinator: ${NO_CHROMIUM}`);

/** Where the pictures go that a person may want to look at. */
const PICTURES = join(tmpdir(), "hearth-pictures");

// The page against the routes as they are: what the scripted answers of its other tests say has to be true.
describe.skipIf(CHROMIUM_PATH === undefined)("the dashboard of a coordinator", () => {
  let browser: Browser;
  let page: Page;
  let hearth: TestCoordinator;
  let complaints: string[];

  beforeAll(async () => {
    mkdirSync(PICTURES, { recursive: true });
    browser = await launchChromium();
  });
  afterAll(() => browser.close());
  beforeEach(async () => {
    hearth = await startTestCoordinator();
    complaints = [];
    page = await browser.newPage({ viewport: { width: 1280, height: 900 } });
    page.on("console", (message) => {
      if (message.type() === "error" && !message.text().startsWith("Failed to load resource")) {
        complaints.push(message.text());
      }
    });
    page.on("pageerror", (error) => complaints.push(error.message));
  });
  afterEach(async () => {
    await page.close();
    await hearth.stop();
  });

  const heading = (name: string) => page.getByRole("heading", { level: 1, name, exact: true });
  const goTo = (link: string) => page.getByRole("navigation").getByRole("link", { name: link, exact: true }).click();
  const picture = (name: string) =>
    page.screenshot({ path: join(PICTURES, `dashboard-real-${name}.png`), fullPage: true });

  async function signIn(key: string): Promise<void> {
    await page.goto(`${hearth.url}/dashboard/`);
    await page.getByLabel("Key").fill(key);
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.getByRole("button", { name: "Sign out" }).waitFor();
  }

  it("changes a setting and switches a model off, which both count at once", async () => {
    await hearth.provider((stream) => stream.answer("yes"), { name: "studio" });
    await signIn(ADMIN_KEY);
    await goTo("Configuration");
    await page.getByText("It is kept nowhere").waitFor();
    await page.getByLabel("Patience, seconds").fill("90");
    await page.getByRole("button", { name: "See what changes" }).click();
    await page.getByRole("list", { name: "Changes" }).getByText("90000").waitFor();
    await page.getByRole("button", { name: "Save" }).click();
    await page.getByText("Saved. It counts from now on.").waitFor();
    const { document } = (await (await hearth.get("/admin/config", ADMIN_KEY)).json()) as { document: unknown };
    expect(document).toEqual({ dispatch: { patience_ms: 90_000 } });
    await page.getByLabel("Patience, seconds").fill("0");
    await page.getByRole("button", { name: "See what changes" }).click();
    await page.getByRole("alert").getByText("dispatch.patience_ms").waitFor();
    await picture("configuration");
    await goTo("Models");
    await page.getByRole("button", { name: "Edit m" }).click();
    await page.getByLabel("Switched on").uncheck();
    await page.getByRole("button", { name: "Save" }).click();
    await page.getByText("switched off").waitFor();
    expect((await hearth.chat({ model: "m", messages: [{ role: "user", content: "hi" }] })).status).toBe(403);
    await goTo("Audit log");
    await page.getByText("1 change").first().waitFor();
    expect(complaints).toEqual([]);
  });

  it("shows an operator the fleet, and makes an account with a key that its owner can sign in with", async () => {
    await hearth.provider((stream) => stream.answer("yes"), { name: "studio" });
    await signIn(ADMIN_KEY);
    await goTo("Fleet");
    await page.getByRole("link", { name: "studio" }).waitFor();
    await picture("fleet");
    await goTo("Models");
    await page.getByText("1 of 1", { exact: true }).waitFor();
    await goTo("Playground");
    await page.getByLabel("Message", { exact: true }).fill("Is it?");
    await page.getByRole("button", { name: "Send" }).click();
    await page.locator(".answer", { hasText: "yes" }).waitFor();
    await goTo("Accounts");
    await page.getByRole("button", { name: "New account" }).click();
    await page.getByLabel("Id").fill("ben");
    await page.getByRole("button", { name: "Make the account" }).click();
    await page.getByRole("link", { name: "ben" }).click();
    await page.getByRole("button", { name: "Add money" }).click();
    await page.getByLabel("Amount, US dollars").fill("5");
    await page.getByLabel("What for").fill("invoice 1");
    await page.getByRole("button", { name: "Add $5.00" }).click();
    await page.getByText("$5.00").first().waitFor();
    await page.getByRole("button", { name: "New key" }).click();
    await page.getByLabel("Budget, US dollars").fill("1.50");
    await page.getByRole("button", { name: "Make the key" }).click();
    const key = (await page.getByLabel("The key").textContent()) ?? "";
    await page.getByRole("button", { name: "I have it" }).click();
    await page.getByRole("button", { name: "Sign out" }).click();
    await heading("Sign in").waitFor();

    await signIn(key);
    await heading("Playground").waitFor();
    await goTo("Usage and cost");
    await page.getByText("of $1.50 in all").waitFor();
    expect(complaints).toEqual([]);
  });

  it("signs somebody in with an identity provider of another site, in a session like any other", async () => {
    await using issuer = await ScriptedIssuer.start("localhost");
    issuer.claims = { groups: ["admins"], email: "ops@example.com", email_verified: true };
    const config = issuer.config({
      HEARTH_OIDC_ADMIN_ROLES: "admins",
    });
    await using other = await startTestCoordinator({ config });
    issuer.returnTo = `${other.url}/dashboard/oidc/callback`;
    await page.goto(`${other.url}/dashboard/`);
    await page.getByRole("link", { name: "Sign in with localhost" }).click();
    await heading("Overview").waitFor();
    await page.reload();
    await heading("Overview").waitFor();
    await page.getByRole("button", { name: "Sign out" }).click();
    await heading("Sign in").waitFor();
    expect(complaints).toEqual([]);
  });

  it("shows an operator where a request went, as it happens, and who has done what", async () => {
    let asked = 0;
    const failsOnce = (stream: ScriptedStream): void => {
      asked += 1;
      if (asked === 1) stream.error();
      else stream.answer("yes");
    };
    await hearth.provider(failsOnce, { name: "first" });
    await hearth.provider(failsOnce, { name: "second" });
    await signIn(ADMIN_KEY);
    await page.getByText("Live", { exact: true }).waitFor();
    await (await hearth.chat({ model: "m", messages: [{ role: "user", content: "?" }] })).text();
    await page.locator("tbody").getByText("Served").waitFor();
    await page.locator("tbody a").click();
    await page.getByText("Its backend answered with an error; the next machine was asked.").waitFor();
    await page.getByText("Why attempt 2 went there").waitFor();
    expect(await page.locator(".span-failed.waterfall-span, .span-content.waterfall-span").count()).toBe(2);
    await picture("request");

    await goTo("Fleet");
    await page.getByRole("link", { name: "first" }).click();
    await page.getByRole("button", { name: "Drain" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Drain" }).click();
    await page.getByRole("button", { name: "Resume" }).waitFor();
    await goTo("Explain");
    await page.getByLabel("Model").fill("m");
    await page.getByRole("button", { name: "Explain" }).click();
    await page.getByText("1 of 2 may serve it").waitFor();
    await page.getByText("It takes nothing new.").waitFor();
    await goTo("Audit log");
    await page.getByText("POST /admin/providers/:id/drain").waitFor();
    await goTo("Breaker and queue");
    await page.getByText("Nobody waits").waitFor();
    expect(complaints).toEqual([]);
  });

  it("streams an answer to a consumer, who then sees what it used and ends a key of his", async () => {
    await hearth.provider((stream) => stream.answer("Yes, it is."), { name: "studio" });
    await signIn(API_KEY);
    await goTo("Playground");
    await page.getByLabel("Message", { exact: true }).fill("Is it?");
    await page.getByRole("button", { name: "Send" }).click();
    await page.getByText("Yes, it is.").waitFor();
    await page.getByText(/first word .* in all/).click();
    await page.getByText("Attempts").waitFor();
    await picture("playground");
    await goTo("Models and prices");
    await page.getByRole("cell", { name: "m", exact: true }).waitFor();
    await page.locator('a[href$="/my-keys"]').click();
    await page.getByRole("button", { name: "New key" }).click();
    await page.getByLabel("Name").fill("laptop");
    await page.getByRole("button", { name: "Make the key" }).click();
    await page.getByRole("button", { name: "I have it" }).click();
    await page.getByText("laptop").waitFor();
    await page.getByRole("button", { name: "Revoke" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Revoke" }).click();
    await page.getByText("Revoked").waitFor();
    expect(complaints).toEqual([]);
  });

  it("shows an owner the machines, and lets another one in by a token", async () => {
    await hearth.provider((stream) => stream.answer("yes"), { name: "studio" });
    await signIn(API_KEY);
    await heading("Your machines").waitFor();
    await page.getByRole("heading", { name: "studio" }).waitFor();
    await picture("machines");
    await goTo("Earnings");
    await page.getByText("Nothing was earned in this time").waitFor();
    await goTo("Add machines");
    await page.getByRole("button", { name: "Make a token" }).click();
    await page.getByText(/^he-/).waitFor();
    await page.getByLabel("Code").fill("WDJB-MJHT");
    await page.getByRole("button", { name: "Go on" }).click();
    await page.waitForURL(/\/device\?user_code=WDJB-MJHT/);
    expect(complaints).toEqual([]);
  });

  it("keeps who has signed in over a reload, and refuses a key that is none", async () => {
    await page.goto(`${hearth.url}/dashboard/`);
    await page.getByLabel("Key").fill("nonsense");
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.getByText("That key or link is not good here.").waitFor();
    await signIn(ADMIN_KEY);
    await page.goto(`${hearth.url}/dashboard/fleet`);
    await heading("Fleet").waitFor();
    await page.getByText("No machine is connected").waitFor();
    expect(complaints).toEqual([]);
  });
});
