import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { fileURLToPath, pathToFileURL } from "node:url";
import { type Browser, chromium } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { API_KEY, startTestCoordinator, type TestCoordinator } from "../scripted/test-coordinator.js";

const CHROMIUM = "/usr/bin/chromium";
const FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"];
if (!existsSync(CHROMIUM)) console.warn(`NOTICE: nothing is sealed in a browser, because ${CHROMIUM} is not here.`);

/** What the page's script finds. */
interface BrowserGlobals {
  readonly hearthClient: typeof import("@hearth/client");
  readonly location: { readonly origin: string };
}

async function bundleClient(): Promise<string> {
  // The bundler is a development dependency of the package that does the encryption.
  const near = createRequire(new URL("../../../e2e/package.json", import.meta.url));
  const { rolldown } = await import(pathToFileURL(near.resolve("rolldown")).href);
  const build = await rolldown({
    input: fileURLToPath(new URL("../../../client/src/index.ts", import.meta.url)),
    platform: "browser",
    resolve: { conditionNames: ["hearth-source", "browser", "import", "default"] },
  });
  const { output } = await build.generate({ format: "iife", name: "hearthClient" });
  await build.close();
  return output[0].code;
}

describe.skipIf(!existsSync(CHROMIUM))("in a real browser", () => {
  let hearth: TestCoordinator;
  let browser: Browser;

  beforeAll(async () => {
    hearth = await startTestCoordinator();
    browser = await chromium.launch({ executablePath: CHROMIUM, args: FLAGS });
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
