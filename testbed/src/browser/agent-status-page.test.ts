import { mkdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type AgentStatus, type StatusServer, startStatusServer } from "@hearth/provider-agent/local";
import type { Browser, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
// Not of the agent's interface: what its own tests show.
import { exampleStatus } from "../../../provider-agent/src/testing/example-status.js";
import { CHROMIUM_PATH, launchChromium, NO_CHROMIUM } from "./chromium.js";

if (CHROMIUM_PATH === undefined) console.warn(`the status page: ${NO_CHROMIUM}`);

/** Where the pictures go that a person may want to look at. */
const PICTURES = join(tmpdir(), "hearth-pictures");

const STATUS: AgentStatus = exampleStatus({
  earned_micro_usd: 1_234_567_890,
  earnings: {
    today_micro_usd: 1_200,
    week_micro_usd: 2_504_000,
    total_micro_usd: 1_234_567_890,
    as_of: "2026-01-05T08:59:30.000Z",
  },
  busy: { today_ms: 754_000, week_ms: 8_100_000, total_ms: 4_300_000_000, since: "2026-01-01T10:00:00.000Z" },
  electricity: {
    type: "estimated",
    usd_per_kwh: 0.3,
    extra_watts: 120,
    watts_of: "settings",
    today: { kwh: 0.025_133, micro_usd: 7_540 },
    week: { kwh: 0.27, micro_usd: 81_000 },
    total: { kwh: 143.333_333, micro_usd: 43_000_000 },
  },
  reputation: { score: 87, reasons: { failed_after_content: { count: 1, ms: 300 }, late: { count: 3, ms: 410 } } },
  models: [
    ...exampleStatus().models,
    {
      id: "<img src=x onerror=document.title='hacked'>",
      state: "crashed",
      running: 0,
      waiting: 0,
      decode_tps: null,
      template_ok: null,
    },
  ],
});

describe.skipIf(CHROMIUM_PATH === undefined)("the agent's status page", () => {
  let browser: Browser;
  let page: Page;
  let server: StatusServer;
  let status: AgentStatus;
  let complaints: string[];

  beforeAll(async () => {
    mkdirSync(PICTURES, { recursive: true });
    browser = await launchChromium();
  });
  afterAll(() => browser.close());
  beforeEach(async () => {
    status = STATUS;
    complaints = [];
    server = await startStatusServer(
      {
        status: () => status,
        pause: (forMs) => {
          const until = forMs === undefined ? {} : { until: "2026-01-05T10:00:00.000Z" };
          status = { ...status, activity: { type: "paused", reason: "owner", running: 2, ...until } };
        },
        resume: () => {
          status = { ...status, activity: { type: "serving", running: 2 } };
        },
      },
      0,
    );
    page = await browser.newPage({
      viewport: { width: 900, height: 760 },
      locale: "en-GB",
      timezoneId: "Europe/London",
    });
    page.on("console", (message) => {
      if (message.type() === "error") complaints.push(message.text());
    });
    page.on("pageerror", (error) => complaints.push(error.message));
  });
  afterEach(async () => {
    await page.close();
    await server.close();
  });

  const open = () => page.goto(`${server.url}/#${server.token}`);

  it.each(["light", "dark"] as const)("shows in %s what runs and what it has done", async (colorScheme) => {
    await page.emulateMedia({ colorScheme });
    await open();
    await page.getByText("Serving, 2 requests running").waitFor();
    expect(await page.getByText("Connected to wss://hearth.example/ws/provider").isVisible()).toBe(true);
    expect(await page.locator("#served").textContent()).toBe("1,284");
    expect(await page.locator("#tokens").textContent()).toBe("871,250");
    expect(await page.locator("#models tr").first().textContent()).toContain("qwen3-8b");
    const picture = await page.screenshot({ path: join(PICTURES, `agent-status-${colorScheme}.png`), fullPage: true });
    expect(picture.length).toBeGreaterThan(10_000);
    expect(complaints).toEqual([]);
  });

  it("says line by line what the coordinator thinks of it", async () => {
    const advice = ["qwen3-8b: it is too hot. It has to cool down.", "<b>x</b>: nothing is against it."];
    status = { ...STATUS, standing: "stopped", advice };
    await open();
    await page.getByText("No requests come now").waitFor();
    expect(await page.locator("#advice li").allTextContents()).toEqual(advice);
    status = STATUS;
    await page.getByText("Serving, 2 requests running").waitFor();
    expect(await page.locator("#advice").isVisible()).toBe(false);
    expect(complaints).toEqual([]);
  });

  /** The rows of money, cell by cell. */
  const money = (): Promise<string[][]> =>
    page
      .locator("#money tr")
      .evaluateAll((rows) => rows.map((row) => [...row.children].map((cell) => cell.textContent)));

  it("shows what was earned beside the estimate of electricity, and how the machine stands", async () => {
    await open();
    await page.getByText("Electricity is an estimate").waitFor();
    expect(await money()).toEqual([
      ["Earned", "$0.0012", "$2.50", "$1,234.57"],
      ["Electricity (estimate)", "$0.0075", "$0.0810", "$43.00"],
      ["Busy", "12 min", "2 h 15 min", "1,194 h"],
    ]);
    expect(await page.locator("#money-note").textContent()).toBe(
      "Earned as of 05/01/2026, 08:59. Electricity is an estimate: 120 W more while busy (as you set it) × busy time × " +
        "$0.30 a kWh; 140 kWh in all. Busy time is counted since 01/01/2026. Days are those of UTC, weeks begin on Monday.",
    );
    expect(await page.locator("#unpriced").isVisible()).toBe(false);
    expect(await page.locator("#score").textContent()).toBe("87 of 100");
    expect(await page.locator("#held li").allTextContents()).toEqual([
      "3 × it took longer than its deadlinecounts 0.4 s",
      "1 × an answer broke offcounts 0.3 s",
    ]);
    expect(complaints).toEqual([]);
  });

  it("makes up no number for what it was not told, and says how to have an estimate", async () => {
    const { earnings: _e, electricity: _p, reputation: _r, ...rest } = STATUS;
    status = {
      ...rest,
      earned_micro_usd: null,
      busy: { today_ms: 0, week_ms: 30, total_ms: 9_000, since: "2026-01-01T10:00:00.000Z" },
    };
    await open();
    await page.getByText("electricity.usd_per_kwh").waitFor();
    expect(await money()).toEqual([
      ["Earned", "–", "–", "–"],
      ["Busy", "0 s", "0 s", "9 s"],
    ]);
    expect(await page.getByText("The coordinator has not told what it earned.").isVisible()).toBe(true);
    expect(await page.locator("#reputation").isVisible()).toBe(false);
    await page.screenshot({ path: join(PICTURES, "agent-status-untold.png"), fullPage: true });
    status = { ...status, electricity: { type: "unknown", usd_per_kwh: 0.3, reason: "no_meter" } };
    await page.getByText("What electricity costs is not known: nothing here measures watts").waitFor();
    expect(await page.locator("#unpriced").isVisible()).toBe(false);
    expect((await money()).length).toBe(2);
    status = {
      ...status,
      busy: {
        today_ms: 0,
        week_ms: 0,
        total_ms: 0,
        since: "2026-01-01T10:00:00.000Z",
        unkept: "its disk is full (ENOSPC)",
      },
    };
    await page.getByText("Busy time is forgotten when the agent ends: its disk is full (ENOSPC).").waitFor();
    expect(complaints).toEqual([]);
  });

  it("takes the names of models for text", async () => {
    await open();
    await page.getByText("not answering").waitFor();
    expect(await page.title()).toBe("Hearth on this machine");
    expect(await page.locator("img").count()).toBe(0);
  });

  it("pauses and resumes at the press of a button", async () => {
    await open();
    await page.getByRole("button", { name: "Pause", exact: true }).click();
    await page.getByText("Paused: you paused it; finishing 2 requests running").waitFor();
    expect(await page.getByRole("button", { name: "Pause for an hour" }).isVisible()).toBe(false);
    await page.getByRole("button", { name: "Resume" }).click();
    await page.getByText("Serving, 2 requests running").waitFor();
    await page.getByRole("button", { name: "Pause for an hour" }).click();
    await page.getByText("until 05/01/2026, 10:00").waitFor();
  });

  it("fits a phone without being pushed sideways", async () => {
    await page.setViewportSize({ width: 360, height: 740 });
    await open();
    await page.getByText("Serving, 2 requests running").waitFor();
    await page.screenshot({ path: join(PICTURES, "agent-status-phone.png"), fullPage: true });
    // What a row is of takes one line, above its numbers.
    expect((await page.locator("#money th").first().boundingBox())?.height).toBeLessThan(40);
    expect(await page.evaluate("document.documentElement.scrollWidth <= innerWidth")).toBe(true);
  });

  it("says what to do when its link is old, and that the agent is gone", async () => {
    await page.goto(`${server.url}/#old`);
    await page.getByText("This link is no longer valid").waitFor();
    expect(await page.getByRole("button", { name: "Pause", exact: true }).isDisabled()).toBe(true);
    // Only the fragment changes: the page stays.
    await open();
    await page.getByText("Serving").first().waitFor();
    await server.close();
    await page.getByText("The agent does not answer").waitFor();
  });

  it("says so when the agent hangs", async () => {
    await open();
    await page.getByText("Serving").first().waitFor();
    await page.route("**/status", () => {});
    await page.getByText("The agent does not answer").waitFor({ timeout: 15_000 });
  });

  it("shows what was asked last, when an earlier answer comes late", async () => {
    await open();
    await page.getByText("Serving").first().waitFor();
    let release = (): void => {};
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    const waiting = page.waitForRequest("**/status");
    await page.route("**/status", async (route) => {
      const response = await route.fetch();
      await held;
      await route.fulfill({ response });
    });
    await waiting;
    await page.getByRole("button", { name: "Pause", exact: true }).click();
    await page.getByText("Paused: you paused it").waitFor();
    release();
    await page.waitForTimeout(500);
    expect(await page.getByText("Paused: you paused it").isVisible()).toBe(true);
  });
});
