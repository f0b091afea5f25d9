import { afterEach, beforeEach, expect, it } from "vitest";
import { ADMIN_KEY, API_KEY, startTestCoordinator, type TestCoordinator } from "../scripted/test-coordinator.js";

// What happens, watched over HTTP.

let hearth: TestCoordinator;

beforeEach(async () => {
  hearth = await startTestCoordinator();
});
afterEach(() => hearth[Symbol.asyncDispose]());

interface Event {
  readonly event: string;
  readonly data: Record<string, unknown>;
}

/** Reads events until one will do. */
async function* watch(key = ADMIN_KEY, path = "/admin/live"): AsyncGenerator<Event> {
  const left = new AbortController();
  const headers = { Authorization: `Bearer ${key}` };
  const answer = await fetch(hearth.url + path, { headers, signal: left.signal });
  expect([answer.status, answer.headers.get("content-type")]).toEqual([200, "text/event-stream; charset=utf-8"]);
  let text = "";
  try {
    for await (const bytes of answer.body as unknown as AsyncIterable<Uint8Array>) {
      text += Buffer.from(bytes).toString();
      for (let end = text.indexOf("\n\n"); end >= 0; end = text.indexOf("\n\n")) {
        const [, event = "", data = "{}"] = /^event: (\w+)\ndata: (.*)$/.exec(text.slice(0, end)) ?? [];
        text = text.slice(end + 2);
        if (event !== "") yield { event, data: JSON.parse(data) as Record<string, unknown> };
      }
    }
  } finally {
    left.abort();
  }
}

async function next(events: AsyncGenerator<Event>, wanted: (event: Event) => boolean): Promise<Event> {
  for (;;) {
    const { value, done } = await events.next();
    if (done === true) throw new Error("the stream has ended");
    if (wanted(value as Event)) return value as Event;
  }
}

it("tells how everything is, each request that ends, and each machine that changes", async () => {
  const provider = await hearth.provider((s) => s.answer("a secret answer"));
  const events = watch();
  const first = await next(events, () => true);
  expect(first).toMatchObject({
    event: "snapshot",
    data: { providers: { serving: 1, draining: 0, offline: 0 }, in_flight: 0, queued: 0, ttft_ms: null, errors: [] },
  });
  const asked = hearth.chat({ model: "m", messages: [{ role: "user", content: "a secret question" }] });
  const request = await next(events, ({ event }) => event === "request");
  expect(request.data).toMatchObject({
    outcome: "success",
    provider: provider.id,
    id: (await asked).headers.get("x-request-id"),
  });
  const later = await next(events, ({ event }) => event === "snapshot");
  expect(later.data["requests_per_second"]).toBeGreaterThan(0);
  expect(later.data["ttft_ms"]).toMatchObject({ p50: expect.any(Number) });
  provider.terminate();
  const gone = await next(events, ({ event }) => event === "provider");
  expect(gone.data).toMatchObject({ id: provider.id, status: expect.stringMatching(/offline|gone/) });
  expect(JSON.stringify([request, later])).not.toContain("secret");
  await events.return(undefined);
});

it("is for the operator, and holds up no stop", async () => {
  expect((await hearth.get("/admin/live", API_KEY)).status).toBe(401);
  const events = watch();
  await next(events, ({ event }) => event === "snapshot");
  const rest = (async () => {
    for await (const _ of events);
  })();
  await using stopping = await startTestCoordinator({ config: { drainTimeoutMs: 60_000 } });
  const answer = await fetch(`${stopping.url}/admin/live`, { headers: { Authorization: `Bearer ${ADMIN_KEY}` } });
  const startedAt = performance.now();
  await Promise.all([stopping.stop(), answer.text()]);
  expect(performance.now() - startedAt).toBeLessThan(20_000);
  await hearth.stop();
  await rest;
});

it("tells of machines what a list of them shows, as it changes", async () => {
  const { id } = await hearth.provider((s) => s.answer("a secret answer"));
  const events = watch(ADMIN_KEY, "/admin/live/fleet");
  expect((await next(events, () => true)).event).toBe("ready");
  const headers = { Authorization: `Bearer ${ADMIN_KEY}` };
  await fetch(`${hearth.url}/admin/providers/${id}/drain`, { method: "POST", headers });
  const { event, data } = await next(events, () => true);
  expect([event, data]).toEqual([
    "fleet",
    { machines: [{ id, status: "draining", in_flight: 0, troubled: false }], gone: [] },
  ]);
  await events.return(undefined);
  const refused = await fetch(`${hearth.url}/admin/live/fleet`, { headers: { Authorization: `Bearer ${API_KEY}` } });
  expect(refused.status).toBe(401);
});
