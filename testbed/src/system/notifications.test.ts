import { createHmac } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { setImmediate } from "node:timers/promises";
import { type AppOptions, type Config, NO_SETTINGS, type Settings } from "@hearth/coordinator";
import { FakeClock } from "@hearth/platform/testing";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openMemoryStore } from "../../../coordinator/src/store/sqlite/open-sqlite-store.js";
import { ADMIN_KEY, API_KEY, startTestCoordinator, type TestCoordinator } from "../scripted/test-coordinator.js";
import { deposit, OWNER_TOKEN, paidSettings } from "./paid-requests.js";

// What the operator is told by webhook, as a receiver of his gets it.

const KEY = Buffer.alloc(24, 7);
const SECRET = `whsec_${KEY.toString("base64")}`;
const QUESTION = { model: "m", messages: [{ role: "user", content: "a secret question" }] };

interface Heard {
  readonly headers: IncomingMessage["headers"];
  readonly body: string;
}

interface Event {
  readonly type: string;
  readonly timestamp: string;
  readonly data: Readonly<Record<string, unknown>>;
}

let server: Server;
let url: string;
let heard: Heard[];
let hearth: TestCoordinator;

beforeEach(async () => {
  heard = [];
  server = createServer((request, response) => {
    let body = "";
    request.on("data", (part: Buffer) => {
      body += part.toString();
    });
    request.on("end", () => {
      heard.push({ headers: request.headers, body });
      response.writeHead(204).end();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`;
});

afterEach(async () => {
  await hearth[Symbol.asyncDispose]();
  server.closeAllConnections();
  server.close();
  await once(server, "close");
});

/** Everything quick, so that nobody waits for minutes. */
const QUICK: Settings = {
  ...NO_SETTINGS,
  webhooks: { ...NO_SETTINGS.webhooks, lookMs: 100 },
  notifications: { ...NO_SETTINGS.notifications, lookMs: 100, outageMs: 300, offlineMs: 300, gapMs: 0 },
};

async function start(
  settings: Settings = QUICK,
  more: Pick<AppOptions, "store" | "clock"> = { store: openMemoryStore() },
  webhook: Omit<NonNullable<Config["webhook"]>, "url"> = { secret: SECRET, format: "json" },
): Promise<void> {
  const departures = { expectedBackMs: 200, perAddress: 9, perAccount: 9, entries: 99 };
  hearth = await startTestCoordinator({ ...more, settings, config: { webhook: { ...webhook, url }, departures } });
}

const events = (): readonly Event[] => heard.map(({ body }) => JSON.parse(body) as Event);
const types = (): readonly string[] => events().map(({ type }) => type);
async function fence(machine: string): Promise<void> {
  const headers = { Authorization: `Bearer ${ADMIN_KEY}` };
  const answer = await fetch(`${hearth.url}/admin/providers/${machine}/untrust`, { method: "POST", headers });
  expect(answer.ok).toBe(true);
}

const soon = { timeout: 10_000 };

describe("the operator hears", () => {
  it("that a machine and with it a model is gone, and that both are back", async () => {
    await start();
    const identity = Buffer.alloc(32, 9).toString("base64url");
    const machine = await hearth.provider((stream) => stream.answer("a secret answer"), { name: "attic", identity });
    expect((await hearth.chat(QUESTION)).status).toBe(200);
    machine.terminate();
    await expect.poll(async () => (await hearth.chat(QUESTION)).status, soon).toBe(503);
    await expect.poll(() => [...types()].sort(), soon).toEqual(["machine.offline", "model.outage"]);
    const back = await hearth.provider((stream) => stream.answer("a secret answer"), { identity });
    expect(back.id).toBe(machine.id);
    expect((await hearth.chat(QUESTION)).status).toBe(200);
    const all = ["machine.back", "machine.offline", "model.outage", "model.recovered"];
    await expect.poll(() => [...types()].sort(), soon).toEqual(all);
    const offline = events().find(({ type }) => type === "machine.offline");
    expect(offline?.data).toEqual({ machine: machine.id, name: "attic", account: "default", minutes: 0 });
    const outage = events().find(({ type }) => type === "model.outage");
    expect(outage?.data).toMatchObject({ model: "m", refused: expect.any(Number) });
    for (const { headers, body } of heard) {
      const signed = `${headers["webhook-id"]}.${headers["webhook-timestamp"]}.${body}`;
      expect(headers["webhook-signature"]).toBe(`v1,${createHmac("sha256", KEY).update(signed).digest("base64")}`);
      expect(body).not.toContain("secret");
    }
  });

  it("that a machine is fenced", async () => {
    await start();
    const machine = await hearth.provider((stream) => stream.answer("x"));
    await fence(machine.id);
    await expect.poll(types, soon).toEqual(["machine.fenced"]);
    expect(events()[0]?.data).toEqual({ machine: machine.id, account: "default" });
  });

  it("in the night that the ledger does not add up", async () => {
    const clock = new FakeClock();
    const store = openMemoryStore();
    const mismatch = { check: "balance", subject: "anna", expected: "1", found: "2" };
    const ledger: typeof store.ledger = {
      ...store.ledger,
      audit: async (limit) => ({ ...(await store.ledger.audit(limit)), mismatches: [mismatch] }),
    };
    await start({ ...QUICK, notifications: NO_SETTINGS.notifications }, { store: { ...store, ledger }, clock });
    await passes(clock, 2.9);
    expect(heard).toEqual([]);
    await passes(clock, 0.3);
    await expect.poll(types, soon).toContain("ledger.audit_failed");
    expect(events()[0]).toMatchObject({
      timestamp: "1970-01-01T03:00:00.000Z",
      data: { mismatches: 1, transfers: 0, reservations: 0 },
    });
    await passes(clock, 20);
    // Virtual time has passed while it was on its way: it was told again, and is the same message.
    expect(new Set(heard.map(({ headers }) => headers["webhook-id"])).size).toBe(1);
  });
});

describe("of money the operator hears", () => {
  const PAID = { ...paidSettings(0), webhooks: QUICK.webhooks, notifications: QUICK.notifications };
  const ASKED = { ...QUESTION, max_tokens: 1 };

  async function keyWith(microUsd: number): Promise<string> {
    const order = await fetch(`${hearth.url}/v1/me/keys`, {
      method: "POST",
      headers: { Authorization: `Bearer ${API_KEY}` },
      body: JSON.stringify({ name: "of a bot", limits: { budget: { micro_usd: microUsd, reset: "monthly" } } }),
    });
    return ((await order.json()) as { readonly key: string }).key;
  }

  async function chat(key: string): Promise<number> {
    const answer = await hearth.chat(ASKED, { headers: { Authorization: `Bearer ${key}` } });
    await answer.text();
    return answer.status;
  }

  it("once when most of a key's budget is spent, and once when it is at its end", async () => {
    await start(PAID);
    const machine = await hearth.provider((stream) => stream.answer("good"), { token: OWNER_TOKEN });
    await deposit(hearth, 10_000_000);
    // One costs 7, and a little more is set aside for it.
    const key = await keyWith(100);
    let answered = 0;
    while (answered < 11) {
      expect(await chat(key)).toBe(200);
      answered += 1;
    }
    expect(types()).toEqual([]);
    expect(await chat(key)).toBe(200);
    await expect.poll(types, soon).toEqual(["budget.low"]);
    expect(events()[0]?.data).toMatchObject({
      ...{ key: expect.stringMatching(/^key_/), name: "of a bot", account: "default" },
      ...{ spent_micro_usd: 84, budget_micro_usd: 100, percent: 84 },
    });
    while ((await chat(key)) === 200) answered += 1;
    await expect.poll(types, soon).toEqual(["budget.low", "budget.exhausted"]);
    for (let n = 0; n < 3; n++) expect(await chat(key)).toBe(402);
    // Something later, by which time it would have been told again.
    await fence(machine.id);
    await expect.poll(types, soon).toEqual(["budget.low", "budget.exhausted", "machine.fenced"]);
    for (const { body } of heard) expect(body).not.toContain(key.slice(0, 12));
  });

  it("once a day that an account has no money left", async () => {
    await start(PAID);
    await hearth.provider((stream) => stream.answer("good"), { token: OWNER_TOKEN });
    for (let n = 0; n < 3; n++) expect(await chat(API_KEY)).toBe(402);
    await expect.poll(types, soon).toEqual(["balance.exhausted"]);
    expect(events()[0]?.data).toEqual({ account: "default", available_micro_usd: 0 });
  });
});

describe("in the form of Slack", () => {
  it("words for people come, in which nothing that strangers have named has a meaning", async () => {
    await start(QUICK, { store: openMemoryStore() }, { format: "slack" });
    const machine = await hearth.provider((stream) => stream.answer("x"), { name: "<!channel> & @everyone" });
    await fence(machine.id);
    await expect.poll(() => heard.length, soon).toBe(1);
    const name = "&lt;!channel&gt; &amp; @\u200beveryone";
    const text = `Hearth: Machine ${name} (${machine.id}) of default is not trusted any more, and gets no requests for now.`;
    expect(JSON.parse(heard[0]?.body ?? "")).toEqual({ text });
    expect(heard[0]?.headers).toMatchObject({ "content-type": "application/json" });
    expect(heard[0]?.headers).not.toHaveProperty("webhook-signature");
  });
});

/** Time passes, and what falls due gets a turn now and then. */
async function passes(clock: FakeClock, hours: number): Promise<void> {
  for (let minutes = 0; minutes < hours * 60; minutes += 1) {
    clock.advance(60_000);
    await setImmediate();
  }
}
