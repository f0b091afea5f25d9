import { createHmac } from "node:crypto";
import { createServer, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { FakeClock } from "@hearth/platform/testing";
import { afterEach, beforeEach, expect, it } from "vitest";
import { createLogger } from "../platform/logger.js";
import { openMemoryStore } from "../store/sqlite/open-sqlite-store.js";
import type { Store } from "../store/store.js";
import { DEFAULT_WEBHOOKS } from "./webhook-settings.js";
import { Webhooks } from "./webhooks.js";

const KEY = Buffer.alloc(24, 7);

interface Heard {
  readonly headers: IncomingMessage["headers"];
  readonly body: string;
}

let clock: FakeClock;
let store: Store;
let server: Server;
let heard: Heard[];
let status: number;
let webhooks: Webhooks;
let isOurTurn: boolean;

beforeEach(async () => {
  clock = new FakeClock();
  store = openMemoryStore();
  heard = [];
  status = 204;
  isOurTurn = true;
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
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`;
  const target = { url, secret: `whsec_${KEY.toString("base64")}`, format: "json" as const };
  webhooks = new Webhooks({
    clock,
    log: createLogger("silent"),
    store: store.ledger,
    target,
    words: (kind) => kind,
    isOurTurn: () => isOurTurn,
    settings: () => DEFAULT_WEBHOOKS,
  });
  const nowMs = clock.wallTime();
  const told = { reason: "test", actor: "op", nowMs };
  await store.ledger.correct({ id: "c1", account: "anna", part: "earned", amount: 50n, ...told });
  await store.ledger.requestPayout({ id: "po_1", account: "anna", amount: 20n, actor: "key_1", nowMs });
});

afterEach(async () => {
  webhooks[Symbol.dispose]();
  expect(clock.pending).toBe(0);
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  await store.close();
});

it("says nothing while another coordinator tells, and what that one has left when it is its turn", async () => {
  isOurTurn = false;
  await webhooks.tell();
  expect(heard).toEqual([]);
  isOurTurn = true;
  await webhooks.tell();
  expect(heard).toHaveLength(1);
});

it("tells what has happened, signed, once it was taken never again", async () => {
  await webhooks.tell();
  await webhooks.tell();
  expect(heard).toHaveLength(1);
  const [{ headers, body }] = heard as [Heard];
  expect(JSON.parse(body)).toMatchObject({ type: "payout.requested", data: { account: "anna" } });
  const signed = `${headers["webhook-id"]}.${headers["webhook-timestamp"]}.${body}`;
  expect(headers["webhook-signature"]).toBe(`v1,${createHmac("sha256", KEY).update(signed).digest("base64")}`);
});

it("tells again what was not taken, later each time, under the same id", async () => {
  status = 500;
  await webhooks.tell();
  clock.advance(4_999);
  await webhooks.tell();
  expect(heard).toHaveLength(1);
  clock.advance(1);
  await webhooks.tell();
  clock.advance(5_000);
  await webhooks.tell();
  expect(heard).toHaveLength(2);
  status = 200;
  clock.advance(5_000);
  // Whoever looked just before then has found nothing due.
  await webhooks.tell();
  await webhooks.tell();
  expect(new Set(heard.map(({ headers }) => headers["webhook-id"])).size).toBe(1);
  expect(await store.ledger.dueMessages(clock.wallTime() + 1e9, 10)).toEqual([]);
});

it("waits for no answer before it tells the others", async () => {
  const nowMs = clock.wallTime();
  await store.ledger.requestPayout({ id: "po_2", account: "anna", amount: 20n, actor: "key_1", nowMs });
  server.removeAllListeners("request");
  const answers: (() => void)[] = [];
  server.on("request", (request, response) => {
    request.resume();
    answers.push(() => response.writeHead(204).end());
  });
  const telling = webhooks.tell();
  await expect.poll(() => answers.length).toBe(2);
  for (const answer of answers) answer();
  await telling;
  expect(await store.ledger.dueMessages(clock.wallTime() + 1e9, 10)).toEqual([]);
});

it("follows no redirect, and outlives a listener that is away", async () => {
  status = 302;
  await webhooks.tell();
  expect(heard).toHaveLength(1);
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  clock.advance(60_000);
  await webhooks.tell();
  expect(await store.ledger.dueMessages(clock.wallTime() + 1e9, 10)).toHaveLength(1);
  server = createServer();
});
