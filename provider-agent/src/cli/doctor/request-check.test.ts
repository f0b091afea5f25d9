import { once } from "node:events";
import { mkdirSync } from "node:fs";
import { createServer, type IncomingHttpHeaders } from "node:http";
import type { AddressInfo } from "node:net";
import { describe, expect, it } from "vitest";
import type { AgentControl, AgentStatus } from "../../local/agent-status.js";
import { writeRunFile } from "../../local/run-file.js";
import { startStatusServer } from "../../local/status-server.js";
import { systemClock } from "../../platform/clock.js";
import { CliHome } from "../../testing/cli-home.js";
import { exampleStatus } from "../../testing/example-status.js";
import type { CheckSubject } from "./check.js";
import { requestCheck } from "./request-check.js";

const never = new AbortController().signal;
const KEY = { HEARTH_API_KEY: "hk-1" };

interface Answer {
  readonly status: number;
  readonly body: object;
}

/** A coordinator's consumer side, and what it was asked. */
async function coordinator({ status, body }: Answer) {
  const asked: { headers: IncomingHttpHeaders; path: string | undefined; body: unknown }[] = [];
  const server = createServer(async (request, response) => {
    const parts: Buffer[] = [];
    for await (const part of request) parts.push(part as Buffer);
    asked.push({
      headers: request.headers,
      path: request.url,
      body: JSON.parse(Buffer.concat(parts).toString("utf8")),
    });
    response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const url = `ws://127.0.0.1:${(server.address() as AddressInfo).port}/ws/provider`;
  return { asked, url, [Symbol.asyncDispose]: () => new Promise<void>((resolve) => server.close(() => resolve())) };
}

/** What the check says where an agent runs that says this of itself. */
async function check(changes: Partial<AgentStatus>, env: Readonly<Record<string, string>> = KEY) {
  await using home = new CliHome();
  mkdirSync(home.dataDir, { recursive: true, mode: 0o700 });
  const server = await startStatusServer({ status: () => exampleStatus(changes) } as AgentControl, 0);
  using _file = writeRunFile(home.dataDir, "default", { pid: process.pid, url: server.url, token: server.token });
  const subject = { settings: { dataDir: home.dataDir, name: "default" }, clock: systemClock, env };
  const found = await requestCheck.run(subject as unknown as CheckSubject, never);
  await server.close();
  return found;
}

const registeredAt = (url: string) =>
  ({
    connection: { type: "registered", coordinator: url, provider_id: "prv_1", since: "2026-01-05T08:00:01.000Z" },
  }) as const;

describe("the request that doctor sends", () => {
  it("asks for one token, of this machine and nobody else, by a model that is loaded", async () => {
    await using server = await coordinator({ status: 200, body: {} });
    expect(await check(registeredAt(server.url))).toMatchObject({
      status: "ok",
      detail: expect.stringContaining("qwen3-8b"),
    });
    expect(server.asked).toMatchObject([
      {
        path: "/v1/chat/completions",
        headers: { "x-hearth-providers": "prv_1", authorization: "Bearer hk-1" },
        body: { model: "qwen3-8b", max_tokens: 1 },
      },
    ]);
  });

  it("is told of as it came out", async () => {
    await using busy = await coordinator({ status: 503, body: { error: { message: "No provider has room." } } });
    expect(await check(registeredAt(busy.url))).toMatchObject({
      status: "fail",
      detail: expect.stringContaining("No provider has room."),
    });
    await using wrong = await coordinator({ status: 401, body: {} });
    expect(await check(registeredAt(wrong.url))).toMatchObject({
      status: "fail",
      fix: expect.stringContaining("API key"),
    });
  });

  it("is not sent without a key, without a connection, or readable over a network", async () => {
    expect(await check({}, {})).toMatchObject({ status: "skipped", detail: expect.stringContaining("HEARTH_API_KEY") });
    const away = { type: "waiting", coordinator: "wss://c/", problem: null } as const;
    expect(await check({ connection: away })).toMatchObject({ status: "skipped" });
    expect(await check(registeredAt("ws://hearth.example/ws/provider"))).toMatchObject({
      status: "skipped",
      detail: expect.stringContaining("not encrypted"),
    });
  });
});
