import { once } from "node:events";
import { createServer, request as httpRequest, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { NO_SETTINGS } from "@hearth/coordinator";
import { afterEach, describe, expect, it } from "vitest";
import { CHROMIUM_PATH, launchChromium, NO_CHROMIUM } from "../browser/chromium.js";
import { ADMIN_KEY, API_KEY, startTestCoordinator, type TestCoordinator } from "../scripted/test-coordinator.js";

if (CHROMIUM_PATH === undefined) console.warn(`a page of another origin: ${NO_CHROMIUM}`);

const PAGE = "http://localhost:3000";
const asks = { model: "m", messages: [{ role: "user", content: "hi" }] };
let hearth: TestCoordinator;
afterEach(() => hearth.stop());

const start = async (origins?: readonly string[]): Promise<TestCoordinator> => {
  hearth = await startTestCoordinator(
    origins && { settings: { ...NO_SETTINGS, cors: { origins, maxAgeSeconds: 60 } } },
  );
  return hearth;
};

/** What a browser asks before it lets a page send its key. */
const preflight = (path: string, origin = PAGE): Promise<Response> =>
  fetch(hearth.url + path, {
    method: "OPTIONS",
    headers: {
      Origin: origin,
      "Access-Control-Request-Method": "POST",
      "Access-Control-Request-Headers": "authorization,content-type,x-stainless-os",
    },
  });

const allowedBy = ({ headers }: Response): string | null => headers.get("access-control-allow-origin");

describe("a page of any origin", () => {
  it.each(["/v1/chat/completions", "/v1/models", "/v1/receipts/x"])("may call %s, with any header", async (path) => {
    await start();
    const answer = await preflight(path);
    expect(answer.status).toBe(204);
    expect(Object.fromEntries(answer.headers)).toMatchObject({
      "access-control-allow-origin": "*",
      "access-control-allow-methods": "GET, HEAD, POST, PATCH, DELETE",
      "access-control-allow-headers": "authorization,content-type,x-stainless-os",
      "access-control-max-age": "7200",
      vary: "Origin",
    });
    expect(answer.headers.get("access-control-allow-credentials")).toBeNull();
  });

  it("may read answers, their headers, and errors", async () => {
    await start();
    await hearth.provider((s) => s.answer("hello"));
    const headers = { Origin: PAGE };
    const answers = [
      hearth.chat(asks, { headers }),
      hearth.chat({ ...asks, stream: true }, { headers }),
      hearth.chat({ ...asks, messages: "none" }, { headers }),
      hearth.chat("x".repeat(17 * 2 ** 20), { headers }),
      fetch(`${hearth.url}/v1/models`, { headers: { ...headers, Authorization: `Bearer ${API_KEY}` } }),
      fetch(`${hearth.url}/v1/models`, { headers }),
      fetch(`${hearth.url}/v1/nowhere`, { headers }),
      fetch(`${hearth.url}/v1/chat/completions`, { headers, method: "PUT" }),
    ];
    const told = await Promise.all(answers);
    expect(told.map(({ status }) => status)).toEqual([200, 200, 400, 413, 200, 401, 404, 405]);
    for (const answer of told) {
      expect(allowedBy(answer)).toBe("*");
      expect(answer.headers.get("access-control-expose-headers")).toContain("X-Request-Id, ");
      await answer.arrayBuffer();
    }
  });

  it.each(["/v1/chat/completions", "/v1/chat/completions?trace=1", "http://hearth.example/v1/chat/completions"])(
    "is served at %s, as a request may name its target",
    async (path) => {
      await start();
      await hearth.provider((s) => s.answer("hello"));
      const { port } = new URL(hearth.url);
      const headers = { Origin: PAGE, Authorization: `Bearer ${API_KEY}`, "Content-Type": "application/json" };
      const request = httpRequest({ host: "127.0.0.1", port, path, method: "POST", headers });
      request.end(JSON.stringify(asks));
      const [response] = (await once(request, "response")) as [IncomingMessage];
      expect([response.statusCode, response.headers["access-control-allow-origin"]]).toEqual([200, "*"]);
      expect(await text(response)).toContain("hello");
    },
  );

  it("may not call what is for operators", async () => {
    await start();
    for (const path of ["/admin/providers", "/metrics", "/health"]) {
      const headers = { Origin: PAGE, Authorization: `Bearer ${ADMIN_KEY}` };
      expect(allowedBy(await preflight(path))).toBeNull();
      expect(allowedBy(await fetch(hearth.url + path, { headers }))).toBeNull();
    }
  });
});

describe("where the operator names origins", () => {
  it("lets in their pages and no others, and changes with the file", async () => {
    await start([PAGE, "https://app.example"]);
    const mine = await preflight("/v1/models");
    expect([mine.status, allowedBy(mine), mine.headers.get("access-control-max-age")]).toEqual([204, PAGE, "60"]);
    const other = await preflight("/v1/models", "https://evil.example");
    expect([other.status, allowedBy(other), other.headers.get("vary")]).toEqual([405, null, "Origin"]);
    hearth.coordinator.configure({ ...NO_SETTINGS, cors: { origins: [], maxAgeSeconds: 60 } });
    const none = await preflight("/v1/models");
    expect([none.status, allowedBy(none), none.headers.get("vary")]).toEqual([405, null, null]);
  });
});

it("says who is there at the bare address", async () => {
  await start();
  const welcome = await fetch(`${hearth.url}/`);
  expect(await welcome.json()).toMatchObject({ name: "Hearth", api: "/v1", openapi: "/openapi.json" });
  const head = await fetch(`${hearth.url}/`, { method: "HEAD" });
  expect([head.status, await head.text()]).toEqual([200, ""]);
});

describe.skipIf(CHROMIUM_PATH === undefined)("in a real browser", () => {
  it("a page of another origin streams an answer, and reads its headers and its errors", async () => {
    await start();
    await hearth.provider((s) => s.answer("Grüße, ", "世界"));
    await using site = await otherSite();
    const browser = await launchChromium();
    try {
      const page = await browser.newPage();
      await page.goto(site.url);
      const seen = await page.evaluate(
        async ({ url, key, body }) => {
          const send = (headers: Record<string, string>) =>
            fetch(`${url}/v1/chat/completions`, { method: "POST", headers, body });
          const answer = await send({ Authorization: `Bearer ${key}`, "Content-Type": "application/json" });
          const refused = await send({ "X-Anything": "1" });
          return [answer.headers.get("x-provider-id"), await answer.text(), refused.status];
        },
        { url: hearth.url, key: API_KEY, body: JSON.stringify({ ...asks, stream: true }) },
      );
      expect(seen).toEqual([expect.stringMatching(/\w/), expect.stringContaining("世界"), 401]);
    } finally {
      await browser.close();
    }
  });
});

/** An empty page somewhere else. */
async function otherSite(): Promise<AsyncDisposable & { readonly url: string }> {
  const server: Server = createServer((_request, response) => {
    response.writeHead(200, { "Content-Type": "text/html" }).end("<title>elsewhere</title>");
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}/`,
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
