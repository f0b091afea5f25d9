import { createHash } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Browser, Page } from "playwright-core";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { adminCommand } from "../system/admin-command.js";
import { eventually } from "../system/eventually.js";
import { SpawnedHearth } from "../system/spawned-hearth.js";
import type { SpawnedProcess } from "../system/spawned-process.js";
import { type StubBackend, startStubBackend } from "../system/stub-backend.js";
import { CHROMIUM_PATH, launchChromium, NO_CHROMIUM } from "./chromium.js";

if (CHROMIUM_PATH === undefined) console.warn(`an operator's walk: ${NO_CHROMIUM}`);

const PICTURES = join(tmpdir(), "hearth-pictures");
const OWNER_TOKEN = "an-owners-token-0123456789";

/** Who is left out stays so for as long as a step may take. */
const NO_HURRY = { base_open_ms: 600_000, window_ms: 600_000 };

/** One priced model, and machines of somebody's who is paid for them. */
function settingsFile(): string {
  const sha256 = createHash("sha256").update(OWNER_TOKEN).digest("hex");
  const path = join(PICTURES, "operator-walk.json");
  const price = { input: 1_000_000, output: 1_000_000 };
  writeFileSync(
    path,
    JSON.stringify({
      breaker: NO_HURRY,
      provider_tokens: [{ account: "owner", sha256 }],
      prices: { models: { pico: [price] } },
    }),
  );
  return path;
}

// The whole way of somebody who has just started a coordinator, each step with what the one before it has left: programs as
// they are built, the embedded engine, and a browser. `studio` is a machine whose backend does what the walk needs.
describe.skipIf(CHROMIUM_PATH === undefined)("an operator's walk", () => {
  let browser: Browser;
  let hearth: SpawnedHearth;
  let backend: StubBackend;
  let studio: SpawnedProcess;
  /** Two tabs: one for looking after the fleet, one for the playground. */
  let desk: Page;
  let talk: Page;
  const complaints: string[] = [];
  let isLost = false;

  beforeAll(async () => {
    mkdirSync(PICTURES, { recursive: true });
    hearth = await SpawnedHearth.start({ HEARTH_CONFIG: settingsFile(), HEARTH_PROVIDER_TOKEN: OWNER_TOKEN });
    await hearth.agent({ name: "demo" });
    backend = await startStubBackend("pico");
    browser = await launchChromium();
    const context = await browser.newContext({ viewport: { width: 1280, height: 900 } });
    context.on("page", (page) => page.on("pageerror", (error) => complaints.push(error.message)));
    [desk, talk] = [await context.newPage(), await context.newPage()];
  });
  // Each step goes on where the one before it has ended.
  beforeEach(({ skip }) => skip(isLost, "a step before it has failed"));
  afterEach(async ({ task }) => {
    if (task.result?.state !== "fail") return;
    isLost = true;
    await Promise.all([picture(desk, "lost-desk"), picture(talk, "lost-talk")]);
  });
  afterAll(async () => {
    await browser?.close();
    await hearth?.[Symbol.asyncDispose]();
    await backend?.[Symbol.asyncDispose]();
  });

  const goTo = (page: Page, link: string) =>
    page.getByRole("navigation").getByRole("link", { name: link, exact: true }).click();
  const press = (page: Page, name: string) => page.getByRole("button", { name, exact: true }).click();
  const confirm = (page: Page, name: string) => page.getByRole("dialog").getByRole("button", { name }).click();
  const picture = (page: Page, name: string) =>
    page.screenshot({ path: join(PICTURES, `walk-${name}.png`), fullPage: true });
  const lastTurn = () => talk.locator("article.turn").last();

  /** What stands below an answer that has come. */
  const answered = () => lastTurn().locator("summary", { hasText: "in all" }).waitFor();

  async function send(text: string): Promise<void> {
    await talk.getByLabel("Message", { exact: true }).fill(text);
    await press(talk, "Send");
  }

  /** On the page of an account. */
  async function addMoney(reason: string): Promise<void> {
    await press(desk, "Add money");
    await desk.getByLabel("Amount, US dollars").fill("5");
    await desk.getByLabel("What for").fill(reason);
    await press(desk, "Add $5.00");
    await desk.getByText("$5.00").first().waitFor();
  }

  /** On the page of the machine `demo`. */
  async function have(action: "Drain" | "Resume"): Promise<void> {
    await goTo(desk, "Fleet");
    await desk.getByRole("link", { name: "demo", exact: true }).click();
    await press(desk, action);
    await confirm(desk, action);
    await desk.getByRole("button", { name: action === "Drain" ? "Resume" : "Drain", exact: true }).waitFor();
  }

  /** Has `studio` get this request, while `demo` is there to take its place. */
  async function sendToStudio(text: string): Promise<void> {
    await have("Drain");
    await send(text);
    await eventually("studio is asked", () => backend.exchanges.length === 1);
    await have("Resume");
  }

  it("signs in by a link from the command line, and sees the machine that is there", async () => {
    const { stdout } = await adminCommand(hearth.url, ["sign-in-link"]);
    await desk.goto(stdout.trim());
    await desk.getByRole("button", { name: "Sign out" }).waitFor();
    await goTo(desk, "Fleet");
    await desk.getByRole("link", { name: "demo", exact: true }).waitFor();
  });

  it("gives the account of the first key something to spend, and sends a request from the playground", async () => {
    await goTo(desk, "Accounts");
    await desk.getByRole("link", { name: "default", exact: true }).click();
    await addMoney("to try it");
    await talk.goto(`${hearth.url}/dashboard/playground`);
    await send("Count from one to ten.");
    await answered();
    await lastTurn().locator("summary").click();
    await lastTurn().getByText("Ended by").waitFor();
    expect(await lastTurn().locator(".answer").textContent()).toMatch(/\w/);
  });

  it("kills the agent that a request waits for, and sees in the waterfall who took its place", async () => {
    studio = await hearth.agent({ name: "studio", backend: backend.url });
    await sendToStudio("Who answers this?");
    await studio.kill();
    await answered();
    await lastTurn().locator("summary").click();
    await picture(talk, "failed-over");
    await lastTurn().getByRole("link", { name: "Where it went" }).click();
    await talk.getByText("The connection to it was lost; the next machine was asked.").waitFor();
    expect(await talk.locator(".span-failed").count()).toBeGreaterThan(0);
    expect(await talk.locator(".waterfall-span.span-content").count()).toBe(1);
    await picture(talk, "waterfall");
  });

  it("kills an agent in the middle of its answer, and reads that the answer is not whole", async () => {
    await goTo(talk, "Playground");
    studio = await hearth.agent({ name: "studio", backend: backend.url });
    await sendToStudio("And this?");
    backend.exchanges[0]?.content("half of it");
    await lastTurn().getByText("half of it").waitFor();
    await studio.kill();
    await lastTurn().getByRole("alert").waitFor();
    await picture(talk, "broken-off");
  });

  it("finds the machine left out after another failure, clears the breaker, and it serves again", async () => {
    studio = await hearth.agent({ name: "studio", backend: backend.url });
    await goTo(desk, "Breaker and queue");
    for (
      let failures = 0;
      failures < 3 && !(await desk.getByRole("button", { name: "Clear" }).isVisible());
      failures++
    ) {
      await sendToStudio("And now?");
      backend.exchanges[0]?.refuse(500, "out of order");
      await answered();
      await goTo(desk, "Breaker and queue");
      await desk.getByRole("button", { name: "Clear" }).or(desk.getByText("Nobody is left out")).waitFor();
    }
    await picture(desk, "breaker");
    await press(desk, "Clear");
    await confirm(desk, "Clear");
    await desk.getByText("Nobody is left out").waitFor();
    await sendToStudio("Back?");
    backend.exchanges[0]?.content("studio again");
    backend.exchanges[0]?.end();
    await lastTurn().getByText("studio again").waitFor();
  });

  it("makes a key with a budget, which is spent to the end, and reads why nothing more is served", async () => {
    await goTo(desk, "Accounts");
    await press(desk, "New account");
    await desk.getByLabel("Id").fill("ben");
    await press(desk, "Make the account");
    await desk.getByRole("link", { name: "ben" }).click();
    await addMoney("invoice 1");
    await press(desk, "New key");
    await desk.getByLabel("Budget, US dollars").fill("0.0002");
    await press(desk, "Make the key");
    const key = (await desk.getByLabel("The key").textContent()) ?? "";
    await press(desk, "I have it");

    const consumer = await (await browser.newContext()).newPage();
    const statuses: number[] = [];
    consumer.on("response", (answer) => {
      if (answer.url().endsWith("/v1/chat/completions")) statuses.push(answer.status());
    });
    await consumer.goto(`${hearth.url}/dashboard/`);
    await consumer.getByLabel("Key").fill(key);
    await press(consumer, "Sign in");
    const refusal = consumer.locator("article.turn").getByRole("alert");
    await consumer.getByText("More", { exact: true }).click();
    await consumer.getByLabel("Tokens to write, at most").fill("40");
    let asked = 0;
    while (!(await refusal.isVisible())) {
      expect(asked++).toBeLessThan(20);
      await consumer.getByLabel("Message", { exact: true }).fill("Go on.");
      await press(consumer, "Send");
      await consumer.getByRole("button", { name: "Send" }).waitFor();
    }
    expect(asked).toBeGreaterThan(1);
    await picture(consumer, "budget-spent");
    expect(statuses.slice(0, -1).every((status) => status === 200)).toBe(true);
    expect(statuses.at(-1)).toBe(402);
  });

  it("ends the coordinator, which lets a stream that runs come to its end", async () => {
    await sendToStudio("One more?");
    const [running] = backend.exchanges;
    running?.content("to ");
    await lastTurn().getByText("to", { exact: true }).waitFor();
    const ended = hearth.coordinator.stop();
    await eventually("it drains", async () => (await hearth.get("/readyz")).status === 503);
    running?.content("the end");
    running?.end();
    await lastTurn().getByText("to the end", { exact: true }).waitFor();
    expect(await ended).toEqual({ code: 0, signal: null });
    expect(complaints).toEqual([]);
  });
});
