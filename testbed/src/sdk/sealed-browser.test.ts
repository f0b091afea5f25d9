import { fileURLToPath } from "node:url";
import type { Browser } from "playwright-core";
import { rolldown } from "rolldown";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { CHROMIUM_PATH, launchChromium, NO_CHROMIUM } from "../browser/chromium.js";
import { API_KEY, startTestCoordinator, type TestCoordinator } from "../scripted/test-coordinator.js";

if (CHROMIUM_PATH === undefined) console.warn(`sealing in a browser: ${NO_CHROMIUM}`);

/** What the page's script finds. */
interface BrowserGlobals {
  readonly hearthClient: typeof import("@hearth/client");
  readonly location: { readonly origin: string };
}

async function bundleClient(): Promise<string> {
  const build = await rolldown({
    input: fileURLToPath(new URL("../../../client/src/index.ts", import.meta.url)),
    platform: "browser",
    resolve: { conditionNames: ["hearth-source", "browser", "import", "default"] },
  });
  const { output } = await build.generate({ format: "iife", name: "hearthClient" });
  await build.close();
  return output[0].code;
}

describe.skipIf(CHROMIUM_PATH === undefined)("in a real browser", () => {
  let hearth: TestCoordinator;
  let browser: Browser;

  beforeAll(async () => {
    hearth = await startTestCoordinator();
    browser = await launchChromium();
  });

  afterAll(async () => {
    await browser.close();
    await hearth.stop();
  });

  it("a page of the coordinator's own origin asks sealed and reads the answer, whole and as a stream", async () => {
    const provider = await hearth.provider((s) => s.answer("Grüße, ", "世界"));
    const page = await browser.newPage();
    const types: (string | undefined)[] = [];
    page.on("response", (response) => {
      if (response.request().method() === "POST") types.push(response.headers()["content-type"]);
    });
    await page.goto(`${hearth.url}/livez`);
    await page.addScriptTag({ content: await bundleClient() });
    const ask = (stream: boolean): Promise<string> =>
      page.evaluate(
        async ({ stream, key }) => {
          const { hearthClient, location } = globalThis as never as BrowserGlobals;
          const response = await hearthClient.createSealedFetch({ baseUrl: location.origin })("/v1/chat/completions", {
            method: "POST",
            headers: { "Content-Type": "application/json", Authorization: `Bearer ${key}` },
            body: JSON.stringify({ model: "m", stream, messages: [{ role: "user", content: "hi" }] }),
          });
          return response.text();
        },
        { stream, key: API_KEY },
      );
    expect(JSON.parse(await ask(false))).toMatchObject({ choices: [{ message: { content: "Grüße, 世界" } }] });
    const streamed = await ask(true);
    expect(streamed).toContain('"content":"世界"');
    expect(streamed).toMatch(/data: \[DONE\]\n\n$/);
    expect(types).toEqual(["application/hearth-sealed+json", "text/event-stream; charset=utf-8"]);
    expect(provider.streams).toHaveLength(2);
  });
});
