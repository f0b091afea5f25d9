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
