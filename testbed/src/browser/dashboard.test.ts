import { mkdirSync, readdirSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import axe from "axe-core";
import type { Browser, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { CHROMIUM_PATH, launchChromium, NO_CHROMIUM } from "./chromium.js";
import { DETAIL, machine, OPERATOR, operatorScript } from "./dashboard-answers.js";
import { consumerScript, ownerScript } from "./dashboard-own-answers.js";
import { DASHBOARD_FILES, type DashboardServer, type Script, startDashboardServer } from "./dashboard-server.js";

if (CHROMIUM_PATH === undefined) console.warn(`the dashboard: ${NO_CHROMIUM}`);

/** Where the pictures go that a person may want to look at. */
const PICTURES = join(tmpdir(), "hearth-pictures");
const MOST_BYTES = 300 * 1024;

/** Colours are the same at every width, and widths in both colours; `HEARTH_ALL_PICTURES=1` looks at the other two as well. */
const FORMS: readonly (readonly [width: number, colorScheme: "light" | "dark"])[] = [
  [1280, "light"],
  [390, "dark"],
  ...(process.env["HEARTH_ALL_PICTURES"] === "1"
    ? ([
        [390, "light"],
        [1280, "dark"],
      ] as const)
    : []),
];

it("is loaded in under 300 KiB", () => {
  const files = readdirSync(DASHBOARD_FILES, { recursive: true, withFileTypes: true });
  const sizes = files
    .filter(({ name }) => name.endsWith(".gz"))
    .map(({ parentPath, name }) => statSync(join(parentPath, name)).size);
  expect(sizes.length).toBeGreaterThan(2);
  expect(sizes.reduce((sum, size) => sum + size, 0)).toBeLessThan(MOST_BYTES);
});

describe.skipIf(CHROMIUM_PATH === undefined)("the dashboard", () => {
  let browser: Browser;
  let page: Page;
  let server: DashboardServer;
  let script: Script;
  let complaints: string[];

  beforeAll(async () => {
    mkdirSync(PICTURES, { recursive: true });
    browser = await launchChromium();
    server = await startDashboardServer(() => script);
  });
  afterAll(async () => {
    await browser.close();
    await server.close();
  });
  beforeEach(async () => {
    complaints = [];
    page = await browser.newPage({
      viewport: { width: 1280, height: 900 },
      locale: "en-GB",
      timezoneId: "Europe/London",
    });
    // What a browser says of an answer that is an error is no fault of the page.
    page.on("console", (message) => {
      if (message.type() === "error" && !message.text().startsWith("Failed to load resource"))
        complaints.push(message.text());
    });
    page.on("pageerror", (error) => complaints.push(error.message));
  });
  afterEach(() => page.close());

  const open = (path: string) => page.goto(`${server.url}${path}`);
  const heading = (name: string) => page.getByRole("heading", { level: 1, name, exact: true });

  /** What axe finds that would keep somebody from using the page. */
  async function barriers(): Promise<unknown[]> {
    if (!(await page.evaluate("'axe' in globalThis"))) await page.evaluate(axe.source);
    return await page.evaluate(`axe.run(document).then(({ violations }) => violations
      .filter(({ impact }) => impact === "serious" || impact === "critical")
      .map(({ id, nodes }) => ({ id, nodes: nodes.map(({ html, failureSummary }) => [html.slice(0, 200), failureSummary]) })))`);
  }

  const name = (path: string): string => path.replaceAll("/", "-");

  /** Holds a page in two of its forms, in which all there are come up, to what axe knows of, and takes their pictures. */
  async function lookAt(path: string): Promise<void> {
    for (const [width, colorScheme] of FORMS) {
      await page.emulateMedia({ colorScheme });
      await page.setViewportSize({ width, height: 900 });
      const file = `dashboard-${name(path)}-${width}-${colorScheme}.png`;
      await page.screenshot({ path: join(PICTURES, file), fullPage: true });
      expect(await barriers(), `${width} ${colorScheme}`).toEqual([]);
      expect(await page.evaluate("document.documentElement.scrollWidth <= innerWidth")).toBe(true);
    }
    expect(complaints).toEqual([]);
  }

  describe("of operators", () => {
    beforeEach(() => {
      script = operatorScript(47);
    });

    const PAGES: readonly (readonly [path: string, title: string, text: string])[] = [
      ["overview", "Overview", "Time to first content"],
      ["fleet", "Fleet", "mac-1"],
      ["requests", "Requests", "08:59:56"],
      [`requests/${DETAIL["id"]}`, "Request", "the machine went away"],
      ["breaker", "Breaker and queue", "Half open"],
      ["fleet/prv_000012f3a9", "mac-12", "Nothing stops it."],
      ["models", "Models", "llama-3.3-70b"],
      ["configuration", "Configuration", "selection.score.weight_7_ms"],
      ["accounts", "Accounts", "Ben & Co"],
      ["accounts/ben", "Ben & Co", "$12.35"],
      ["keys", "Keys", "laptop"],
      ["payouts", "Payouts", "transfer 4711"],
      ["audit", "Audit log", "POST /admin/providers/:id/drain"],
    ];

    it.each(PAGES)("show %s in light and dark, wide and narrow, to everybody", async (path, title, text) => {
      await open(path);
      await heading(title).waitFor();
      await page.getByText(text).first().waitFor();
      await lookAt(path);
    });

    it("shows one machine of 10,000 in the time that it takes to type its name", async () => {
      script = operatorScript(10_000);
      await open("fleet");
      await page.getByText("10,000").first().waitFor();
      expect(await page.locator("tbody tr").count()).toBeLessThan(100);
      await page.getByRole("searchbox").fill("mac-9876");
      await page.getByRole("link", { name: "mac-9876" }).waitFor();
      await page.getByText("1 of 10,000").waitFor();
      await page.getByRole("searchbox").fill("");
      await page.getByRole("button", { name: "Connected" }).click();
      await page.getByRole("link", { name: "mac-9999" }).waitFor();
    });

    it("follows the fleet as it changes, and asks again and again only where nothing is told", async () => {
      const lists = (): number => server.asked.filter(({ route }) => route === "GET /admin/providers").length;
      const before = lists();
      const now = { status: "draining", in_flight: 0, troubled: false };
      const first = String(machine(1)["id"]);
      const gone = String(machine(2)["id"]);
      script = {
        ...operatorScript(3),
        "GET /admin/live/fleet": () => ({
          events: [
            { event: "ready", data: {} },
            { event: "fleet", data: { machines: [{ id: first, ...now }], gone: [gone] } },
          ],
        }),
      };
      await open("fleet");
      await page.getByText("Live", { exact: true }).waitFor();
      const row = page.locator("tbody tr", { hasText: "mac-1" });
      await row.getByText("Draining").waitFor();
      expect(await page.locator("tbody tr", { hasText: "mac-2" }).count()).toBe(0);
      // One for the page, and at most one more because the stream begins after it.
      expect(lists() - before).toBeLessThanOrEqual(2);
      await lookAt("fleet-live");
    });

    it("clears a breaker after it has asked", async () => {
      await open("breaker");
      await page.getByRole("button", { name: "Clear" }).first().click();
      await page.getByRole("dialog").getByRole("button", { name: "Clear" }).click();
      await page.getByRole("dialog").waitFor({ state: "detached" });
      const cleared = server.asked.findLast(({ route }) => route === "POST /admin/breaker/clear");
      expect(cleared?.body).toEqual({ provider: "prv_000007f3a9", model: "qwen3-8b" });
    });

    it("says calmly what this coordinator does not offer, and what went wrong", async () => {
      script = { "GET /dashboard/session": () => ({ body: OPERATOR }) };
      await open("requests");
      await page.getByText("This coordinator does not offer this").waitFor();
      script = {
        ...script,
        "GET /admin/requests": () => ({ status: 500, body: { error: { message: "A disk broke." } } }),
      };
      await page.reload();
      await page.getByText("A disk broke.").waitFor();
      script = operatorScript(1);
      await page.getByRole("button", { name: "Try again" }).click();
      await page.getByText("09:00:00").waitFor();
    });

    it("can be walked through by keyboard", async () => {
      await open("overview");
      await heading("Overview").waitFor();
      await page.keyboard.press("Tab");
      expect(await page.evaluate("document.activeElement.textContent")).toBe("Skip to the content");
      await page.getByRole("link", { name: "Fleet" }).focus();
      await page.keyboard.press("Enter");
      await heading("Fleet").waitFor();
      expect(await page.title()).toBe("Fleet · Hearth");
    });

    it("keeps the colours that were chosen", async () => {
      await page.emulateMedia({ colorScheme: "light" });
      await open("overview");
      await page.getByText("Dark", { exact: true }).check({ force: true });
      await page.reload();
      await heading("Overview").waitFor();
      expect(await page.evaluate("getComputedStyle(document.documentElement).colorScheme")).toBe("dark");
    });
  });

  describe("of operators, where they do something", () => {
    beforeEach(() => {
      script = operatorScript(47);
    });

    it("tries a change of the settings, shows what it comes to, and saves it", async () => {
      await open("configuration");
      await page.getByText("is not valid. What it said before still counts").waitFor();
      const document = page.getByLabel("Settings as JSON");
      await page.getByLabel("Patience, seconds").fill("120");
      expect(JSON.parse(await document.inputValue())).toMatchObject({ dispatch: { patience_ms: 120_000 } });
      await page.getByRole("button", { name: "See what changes" }).click();
      await page.getByRole("list", { name: "Changes" }).getByText("120000").waitFor();
      await lookAt("configuration/changed");
      await page.getByRole("button", { name: "Save" }).click();
      await page.getByText("Saved. It counts from now on.").waitFor();
      const sent = server.asked.filter(({ route }) => route === "PUT /admin/config");
      expect(sent.map(({ body }) => body)).toEqual(
        Array(2).fill(expect.objectContaining({ dispatch: { patience_ms: 120_000 } })),
      );
    });

    it("tells everything that is wrong with settings, and sends nothing that is no JSON", async () => {
      const problems = [
        { path: "dispatch.patience_ms", message: "Too small" },
        { path: "nonsense", message: "is no setting" },
      ];
      script = {
        ...script,
        "PUT /admin/config": () => ({ status: 400, body: { error: { message: "Not valid", problems } } }),
      };
      await open("configuration");
      const document = page.getByLabel("Settings as JSON");
      await document.fill("{");
      await page.getByText("This is no JSON document yet.").waitFor();
      expect(await page.getByRole("button", { name: "See what changes" }).isDisabled()).toBe(true);
      await document.fill('{"nonsense": 1}');
      await page.getByRole("button", { name: "See what changes" }).click();
      await page.getByText("is no setting").waitFor();
      await page.getByText("Too small").waitFor();
      expect(await page.getByRole("button", { name: "Save" }).isDisabled()).toBe(true);
      await lookAt("configuration/refused");
      await page.getByRole("button", { name: "Discard" }).click();
      expect(JSON.parse(await document.inputValue())).toHaveProperty("aliases");
    });

    it("switches a model off, adds an alias, and gives a machine to another account", async () => {
      await open("models");
      await page.getByRole("button", { name: "Edit qwen3-8b" }).click();
      await page.getByLabel("Switched on").uncheck();
      await page.getByLabel("Price read").fill("5");
      expect(await page.getByRole("button", { name: "Save" }).isDisabled()).toBe(true);
      await page.getByLabel("Price written").fill("9");
      await lookAt("models/edit");
      await page.getByRole("button", { name: "Save" }).click();
      await page.getByRole("dialog").waitFor({ state: "detached" });
      expect(
        server.asked.findLast(({ route }) => route === "PATCH /admin/catalog/models/qwen3-8b")?.body,
      ).toMatchObject({
        ...{ enabled: false, listed: true, version_floors: { base: null }, prices: [{ input: 5, output: 9 }] },
      });
      await page.getByRole("button", { name: "Add an alias" }).click();
      await page.getByLabel("Name").fill("fast");
      await page.getByLabel("Stands for").fill("qwen3-8b");
      await page.getByRole("button", { name: "Save" }).click();
      await page.getByRole("dialog").waitFor({ state: "detached" });
      expect(server.asked.findLast(({ route }) => route === "PUT /admin/catalog/aliases/fast")?.body).toEqual({
        desired: "qwen3-8b",
      });
      await open("fleet/prv_000012f3a9");
      await page.getByRole("button", { name: "Change owner" }).click();
      await page.getByLabel("New owner").fill("ben");
      await lookAt("fleet/owner");
      await page.getByRole("dialog").getByRole("button", { name: "Change owner" }).click();
      await page.getByRole("dialog").waitFor({ state: "detached" });
      const given = server.asked.findLast(({ route }) => route === "PUT /admin/providers/prv_000012f3a9/owner");
      expect(given?.body).toEqual({ account: "ben" });
    });

    it("explains where a request would go, and what stops the others", async () => {
      await open("explain");
      await page.getByLabel("Model").fill("qwen3-8b");
      await page.getByLabel("Uses tools").check();
      await page.getByRole("button", { name: "Explain" }).click();
      await page.getByText("1 of 2 may serve it").waitFor();
      await page.getByText("It runs an agent that is too old.").waitFor();
      await page.getByText("What its score is made of").first().click();
      await page.getByText("reputation").waitFor();
      expect(server.asked.findLast(({ route }) => route === "POST /admin/explain")?.body).toEqual({
        ...{ model: "qwen3-8b", tools: true, vision: false, prompt_tokens: 100, max_tokens: 1_024 },
      });
      await lookAt("explain");
    });

    it("makes a key with a budget, and shows its secret once", async () => {
      await open("accounts/ben");
      await page.getByRole("button", { name: "New key" }).click();
      await page.getByLabel("Name").fill("batch");
      await page.getByLabel("Budget, US dollars").fill("12,50");
      await page.getByText("An amount like 12.50").waitFor();
      await page.getByLabel("Budget, US dollars").fill("12.50");
      await page.getByLabel("For", { exact: true }).selectOption("monthly");
      expect(await barriers()).toEqual([]);
      await page.screenshot({ path: join(PICTURES, "dashboard-new-key.png") });
      await page.getByRole("button", { name: "Make the key" }).click();
      await page.getByText("hk-secret-shown-once").waitFor();
      await page.getByRole("button", { name: "I have it" }).click();
      expect(await page.getByText("hk-secret-shown-once").count()).toBe(0);
      expect(server.asked.findLast(({ route }) => route === "POST /admin/accounts/ben/keys")?.body).toEqual({
        name: "batch",
        scopes: ["inference"],
        limits: { budget: { micro_usd: 12_500_000, reset: "monthly" } },
      });
    });

    it("rotates and revokes a key, and sets a machine aside, once somebody has said yes", async () => {
      await open("keys");
      await page.getByRole("searchbox").fill("hk-Ab0x");
      await page.getByText("1 of 9").waitFor();
      await page.getByRole("button", { name: "Rotate" }).click();
      await page.getByRole("dialog").getByRole("button", { name: "Rotate" }).click();
      await page.getByText("hk-secret-shown-once").waitFor();
      await page.getByRole("button", { name: "I have it" }).click();
      await page.getByRole("button", { name: "Revoke" }).click();
      await page.keyboard.press("Escape");
      await page.getByRole("dialog").waitFor({ state: "detached" });
      await page.getByRole("button", { name: "Revoke" }).click();
      await page.getByRole("dialog").getByRole("button", { name: "Revoke" }).click();
      await page.getByRole("dialog").waitFor({ state: "detached" });
      await open("fleet/prv_000012f3a9");
      await page.getByRole("button", { name: "Drain" }).click();
      await page.getByRole("dialog").getByRole("button", { name: "Drain" }).click();
      await page.getByRole("dialog").waitFor({ state: "detached" });
      const done = server.asked.map(({ route }) => route).filter((route) => !route.startsWith("GET"));
      expect(done.slice(-3)).toEqual([
        "POST /admin/keys/key_0/rotate",
        "DELETE /admin/keys/key_0",
        "POST /admin/providers/prv_000012f3a9/drain",
      ]);
    });
  });

  describe("of consumers", () => {
    beforeEach(() => {
      script = consumerScript();
    });

    it.each([
      ["usage", "Usage", "Together"],
      ["my-requests", "Your requests", "08:59:56"],
      [`my-requests/${DETAIL["id"]}`, "Request", "the machine went away"],
      ["prices", "Models and prices", "$0.20"],
      ["my-keys", "Your keys", "hk-Ab0x"],
    ])("show %s in light and dark, wide and narrow, to everybody", async (path, title, text) => {
      await open(path);
      await heading(title).waitFor();
      await page.getByText(text).first().waitFor();
      await lookAt(path);
    });

    it("streams an answer in the playground, with where it came from and its receipt", async () => {
      await open("playground");
      await page.getByLabel("Message", { exact: true }).fill("What is Hearth?");
      await page.keyboard.press("Enter");
      await page.getByText("share the idle inference power of their own machines.").waitFor();
      await page.getByText(/17 tokens · .* · \$0.000012/).click();
      await page.getByText("Apple M3 Max").waitFor();
      await lookAt("playground");
      await page.getByRole("button", { name: "Receipt" }).click();
      await page.getByText("c2lnbmVk").waitFor();
      await page.keyboard.press("Escape");
      await page.getByRole("link", { name: "Where it went" }).click();
      await page.getByText("the machine went away").waitFor();
      expect(server.asked.findLast(({ route }) => route === "POST /v1/chat/completions")?.body).toMatchObject({
        messages: [{ role: "user", content: "What is Hearth?" }],
        stream: true,
      });
    });

    it("says why a request in the playground was refused", async () => {
      script = {
        ...script,
        "POST /v1/chat/completions": () => ({ status: 402, body: { error: { message: "Your budget is used up." } } }),
      };
      await open("playground");
      await page.getByLabel("Message", { exact: true }).fill("Hi");
      await page.getByRole("button", { name: "Send" }).click();
      await page.getByText("Your budget is used up.").waitFor();
    });

    it("shows nothing of what operators and owners see", async () => {
      await open("overview");
      await page.getByText("There is no such page").waitFor();
      expect(await page.getByRole("navigation").getByText("Fleet").count()).toBe(0);
      expect(await page.getByRole("navigation").getByText("Earnings").count()).toBe(0);
    });
  });

  describe("of owners", () => {
    beforeEach(() => {
      script = ownerScript();
    });

    it.each([
      ["machines", "Your machines", "llama-3.3-70b has crashed there."],
      ["earnings", "Earnings", "Being paid out"],
      ["enrol", "Add machines", "rack 4"],
    ])("show %s in light and dark, wide and narrow, to everybody", async (path, title, text) => {
      await open(path);
      await heading(title).waitFor();
      await page.getByText(text).first().waitFor();
      await lookAt(path);
    });

    it("pauses a machine for an hour, and lets another one serve again", async () => {
      await open("machines");
      await page.getByText("video call").waitFor();
      await page.getByRole("button", { name: "Resume" }).click();
      await page.getByRole("button", { name: "Pause" }).first().click();
      await page.getByLabel("How long").selectOption("1");
      await page.getByLabel("Why").fill("backup");
      expect(await barriers()).toEqual([]);
      await page.getByRole("button", { name: "Pause it" }).click();
      await page.getByRole("dialog").waitFor({ state: "detached" });
      const paused = server.asked.findLast(({ route }) => route === "POST /v1/me/machines/prv_000012f3a9/pause");
      expect(paused?.body).toEqual({ reason: "backup", until: expect.any(Number) });
      expect(server.asked.some(({ route }) => route === "POST /v1/me/machines/prv_000006f3a9/resume")).toBe(true);
    });

    it("sets what is told to a webhook, and shows its secret once", async () => {
      await open("notifications");
      await page.getByText("There is no host of this name.").waitFor();
      await lookAt("notifications");
      await page.getByLabel("Address").fill("https://hooks.slack.com/services/secret");
      await page.getByLabel("A machine is not trusted any more").check();
      await page.getByRole("button", { name: "Save" }).click();
      await page.getByText("whsec_shown-once").waitFor();
      expect(server.asked.findLast(({ route }) => route === "PUT /v1/me/notifications")?.body).toEqual({
        ...{ url: "https://hooks.slack.com/services/secret", format: "slack", new_secret: false },
        events: ["machine.offline", "payout.paid", "machine.fenced"],
      });
      await page.getByRole("button", { name: "I have it" }).click();
      await page.getByRole("button", { name: "Send a test" }).click();
      await expect.poll(() => server.asked.some(({ route }) => route === "POST /v1/me/notifications/test")).toBe(true);
    });

    it("asks a price for a model on all machines, and saves earnings as CSV", async () => {
      await open("earnings");
      await page.getByRole("button", { name: "Ask a price" }).click();
      await page.getByLabel("Model", { exact: true }).fill("qwen3-8b");
      await page.getByLabel("A million tokens read, US dollars").fill("0.20");
      await page.getByLabel("A million tokens written, US dollars").fill("0.60");
      expect(await barriers()).toEqual([]);
      await page.getByRole("button", { name: "Ask it from now on" }).click();
      await page.getByRole("dialog").waitFor({ state: "detached" });
      expect(server.asked.findLast(({ route }) => route === "POST /v1/me/prices")?.body).toEqual({
        ...{ model: "qwen3-8b", input_micro_usd: 200_000, output_micro_usd: 600_000 },
      });
      const saved = page.waitForEvent("download");
      await page.getByRole("button", { name: "Download CSV" }).click();
      expect((await saved).suggestedFilename()).toBe("earnings.csv");
    });

    it("asks for a payout, and makes a token that is shown once", async () => {
      await open("earnings");
      await page.getByRole("button", { name: "Ask for a payout" }).click();
      await page.getByLabel("Amount, US dollars").fill("2.00");
      await page.getByRole("button", { name: "Ask", exact: true }).click();
      await page.getByRole("dialog").waitFor({ state: "detached" });
      expect(server.asked.findLast(({ route }) => route === "POST /v1/me/payouts")?.body).toEqual({
        amount_micro_usd: 2_000_000,
      });
      await open("enrol");
      await page.getByRole("button", { name: "Make a token" }).click();
      await page.getByText("he-shown-once").waitFor();
    });
  });

  describe("before anybody has signed in", () => {
    beforeEach(() => {
      const signedIn = operatorScript(1);
      script = {
        ...signedIn,
        "GET /dashboard/session": () => ({ status: 401, body: { error: { message: "Nobody." } } }),
        "POST /dashboard/session": ({ body }) =>
          body["key"] === "right" || body["link"] === "once"
            ? { body: OPERATOR }
            : { status: 401, body: { error: {} } },
      };
    });

    it("signs in with a key, and says when it is a wrong one", async () => {
      await open("");
      await page.getByLabel("Key").fill("wrong");
      await page.getByRole("button", { name: "Sign in" }).click();
      await page.getByText("That key or link is not good here.").waitFor();
      expect(await barriers()).toEqual([]);
      await page.screenshot({ path: join(PICTURES, "dashboard-sign-in.png") });
      await page.getByLabel("Key").fill("right");
      await page.keyboard.press("Enter");
      await heading("Overview").waitFor();
      await page.getByRole("button", { name: "Sign out" }).click();
      await heading("Sign in").waitFor();
      expect(server.asked.at(-1)?.route).toBe("DELETE /dashboard/session");
      expect(complaints).toEqual([]);
    });

    it("offers the identity provider that is set up, and says why somebody who comes back is not signed in", async () => {
      const oidc = { name: "Keycloak", path: "/dashboard/oidc/start" };
      script = { ...script, "GET /dashboard/sign-in-methods": () => ({ body: { object: "sign_in_methods", oidc } }) };
      await open("#sign-in=no_role");
      await page.getByText("have no role here").waitFor();
      expect(new URL(page.url()).hash).toBe("");
      expect(await page.getByRole("link", { name: "Sign in with Keycloak" }).getAttribute("href")).toBe(oidc.path);
      await lookAt("sign-in-with");
      await page.reload();
      await page.getByRole("link", { name: "Sign in with Keycloak" }).waitFor();
      expect(await page.getByRole("alert").count()).toBe(0);
    });

    it("signs in by a link, which then is no longer in the address", async () => {
      await open("#link=once");
      await heading("Overview").waitFor();
      expect(page.url()).not.toContain("once");
    });
  });
});
