import { createHmac } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { type Config, NO_SETTINGS, type Settings } from "@hearth/coordinator";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openMemoryStore } from "../../../coordinator/src/store/sqlite/open-sqlite-store.js";
import { ADMIN_KEY, API_KEY, startTestCoordinator, type TestCoordinator } from "../scripted/test-coordinator.js";

// What an account hears of its own things, as a receiver of its own gets it.

interface Heard {
  readonly headers: IncomingMessage["headers"];
  readonly body: string;
}

const QUICK: Settings = {
  ...NO_SETTINGS,
  webhooks: { ...NO_SETTINGS.webhooks, lookMs: 100, firstRetryMs: 100, lastRetryMs: 100 },
  notifications: { ...NO_SETTINGS.notifications, lookMs: 100, offlineMs: 300, gapMs: 0 },
};
const PATH = "/v1/me/notifications";
const soon = { timeout: 10_000 };

let server: Server;
let url: string;
let status: number;
let heard: Heard[];
let hearth: TestCoordinator;

beforeEach(async () => {
  heard = [];
  status = 204;
  server = createServer((request, response) => {
    let body = "";
    request.on("data", (part: Buffer) => {
      body += part.toString();
    });
    request.on("end", () => {
      heard.push({ headers: request.headers, body });
      response.writeHead(status).end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/secret-path`;
});
afterEach(async () => {
  await hearth[Symbol.asyncDispose]();
  server.closeAllConnections();
  server.close();
  await once(server, "close");
});

async function start(ownerWebhooks: Config["ownerWebhooks"] = "private"): Promise<void> {
  hearth = await startTestCoordinator({ store: openMemoryStore(), settings: QUICK, config: { ownerWebhooks } });
}

const ask = (method: string, path: string, body?: object, key = API_KEY): Promise<Response> =>
  fetch(hearth.url + path, {
    method,
    headers: { Authorization: `Bearer ${key}` },
    ...(body && { body: JSON.stringify(body) }),
  });
const answer = async (asked: Promise<Response>): Promise<Record<string, unknown>> =>
  (await (await asked).json()) as Record<string, unknown>;
const kinds = (): readonly unknown[] => heard.map(({ body }) => (JSON.parse(body) as { type: unknown }).type);

async function fence(): Promise<string> {
  const { id } = await hearth.provider((stream) => stream.answer("x"), { name: "attic" });
  expect((await ask("POST", `/admin/providers/${id}/untrust`, undefined, ADMIN_KEY)).ok).toBe(true);
  return id;
}

describe("an account hears", () => {
  it("of what it has chosen, signed with its own secret, which is told once", async () => {
    await start();
    expect(await answer(ask("GET", PATH))).toMatchObject({ place: null, events: [], last_delivery: null });
    const events = ["machine.fenced", "payout.paid"];
    const { secret } = await answer(ask("PUT", PATH, { url, events }));
    expect(secret).toMatch(/^whsec_[A-Za-z0-9+/]{32}$/);
    expect(await answer(ask("PUT", PATH, { url, events }))).toMatchObject({ secret: null });
    const machine = await fence();
    await expect.poll(kinds, soon).toEqual(["machine.fenced"]);
    const [{ headers, body }] = heard as [Heard];
    expect(JSON.parse(body)).toMatchObject({ data: { machine, name: "attic", account: "default" } });
    const signed = `${headers["webhook-id"]}.${headers["webhook-timestamp"]}.${body}`;
    const key = Buffer.from(String(secret).slice("whsec_".length), "base64");
    expect(headers["webhook-signature"]).toBe(`v1,${createHmac("sha256", key).update(signed).digest("base64")}`);
    const kept = await answer(ask("GET", PATH));
    expect(kept).toMatchObject({ place: new URL(url).origin, events, last_delivery: { failure: null } });
    expect(JSON.stringify(kept)).not.toMatch(/secret-path|whsec_/);
  });

  it("of money that was paid out", async () => {
    await start();
    await ask("POST", "/admin/accounts", { id: "default" }, ADMIN_KEY);
    await ask("PUT", PATH, { url, events: ["payout.paid"] });
    const correction = { part: "earned", amount_micro_usd: 50_000_000, reason: "test" };
    expect((await ask("POST", "/admin/accounts/default/corrections", correction, ADMIN_KEY)).status).toBe(201);
    const payout = await answer(ask("POST", "/v1/me/payouts", { amount_micro_usd: 20_000_000 }));
    const paid = { status: "paid", reason: "transfer 1" };
    expect((await ask("POST", `/admin/payouts/${payout["id"]}`, paid, ADMIN_KEY)).status).toBe(200);
    await expect.poll(kinds, soon).toEqual(["payout.paid"]);
  });

  it("in words, and again until it was taken; why it was not is shown", async () => {
    await start();
    status = 500;
    await ask("PUT", PATH, { url, format: "slack", events: ["machine.fenced"] });
    const machine = await fence();
    const last = async (): Promise<unknown> => (await answer(ask("GET", PATH)))["last_delivery"];
    await expect.poll(last, soon).toMatchObject({ failure: "status_500" });
    status = 200;
    await expect.poll(last, soon).toMatchObject({ failure: null });
    expect(JSON.parse(heard.at(-1)?.body ?? "")).toEqual({
      text: `Hearth: Machine attic (${machine}) of default is not trusted any more, and gets no requests for now.`,
    });
    expect(new Set(heard.map(({ headers }) => headers["webhook-id"])).size).toBe(1);
  });

  it("nothing once it has taken that back", async () => {
    await start();
    await ask("PUT", PATH, { url, events: ["machine.fenced"] });
    expect((await ask("DELETE", PATH)).status).toBe(200);
    expect((await ask("DELETE", PATH)).status).toBe(404);
    await fence();
    await ask("PUT", PATH, { url, events: ["machine.fenced"] });
    await ask("POST", `${PATH}/test`);
    expect(kinds()).toEqual(["test"]);
  });
});

it("is tried with a button, not all the time", async () => {
  await start();
  expect((await ask("POST", `${PATH}/test`)).status).toBe(404);
  await ask("PUT", PATH, { url, events: [] });
  expect(await answer(ask("POST", `${PATH}/test`))).toMatchObject({ failure: null, at: expect.any(Number) });
  expect(kinds()).toEqual(["test"]);
  expect((await ask("POST", `${PATH}/test`)).status).toBe(429);
});

it("goes to no private place unless the operator lets it", async () => {
  await start("public");
  expect((await ask("PUT", PATH, { url, events: [] })).status).toBe(400);
  const { port } = new URL(url);
  await ask("PUT", PATH, { url: `https://localhost:${port}/`, events: [] });
  expect(await answer(ask("POST", `${PATH}/test`))).toMatchObject({ failure: "address_not_allowed" });
  expect(heard).toEqual([]);
});

it.each([
  { url: "https://user:pass@example.com", events: [] },
  { url: "ftp://example.com", events: [] },
  { url: `https://example.com/${"x".repeat(2_048)}`, events: [] },
  { url: "https://example.com", events: ["model.outage"] },
  { url: "https://example.com", events: [], more: 1 },
])("refuses %j", async (order) => {
  await start();
  expect((await ask("PUT", PATH, order)).status).toBe(400);
});

it("is off where the operator says so", async () => {
  await start("off");
  expect((await ask("PUT", PATH, { url, events: [] })).status).toBe(404);
});

it("is changed by no key with a limit of its own", async () => {
  await start();
  await ask("POST", "/admin/accounts", { id: "anna" }, ADMIN_KEY);
  const made = await answer(
    ask("POST", "/admin/accounts/anna/keys", { scopes: ["inference"], limits: { concurrency: 1 } }, ADMIN_KEY),
  );
  expect((await ask("PUT", PATH, { url, events: [] }, String(made["key"]))).status).toBe(403);
});
