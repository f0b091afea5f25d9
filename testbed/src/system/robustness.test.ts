import { once } from "node:events";
import { connect } from "node:net";
import { DEFAULT_POLICY, NO_SETTINGS, type PolicySettings } from "@hearth/coordinator";
import type { Slot } from "@hearth/protocol";
import { afterEach, describe, expect, it } from "vitest";
import { readStream, until } from "../scripted/answers.js";
import type { Script } from "../scripted/scripted-provider.js";
import { API_KEY, startTestCoordinator, type TestCoordinator } from "../scripted/test-coordinator.js";

let hearth: TestCoordinator;
afterEach(() => hearth.stop());

const PATIENT: PolicySettings = { ...DEFAULT_POLICY, ttftBaseMs: 20_000 };
const ask = (more: object = {}): object => ({ model: "m", messages: [{ role: "user", content: "hi" }], ...more });
const place = (running: number): Slot => ({ model: "m", state: "running", running, queued: 0, max_concurrency: 1 });
const answer: Script = (s) => s.answer("good");

describe("an upgrade request", () => {
  it("with a target that is no URL is refused, and the coordinator goes on", async () => {
    hearth = await startTestCoordinator();
    const { hostname, port } = new URL(hearth.url);
    const socket = connect(Number(port), hostname);
    socket.write("GET // HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n");
    const [head] = (await once(socket, "data")) as [Buffer];
    socket.destroy();
    expect(head.toString()).toContain("404 Not Found");
    expect((await hearth.get("/livez")).status).toBe(200);
  });
});

describe("a provider's key that yields no secret", () => {
  it("costs that provider its connection and nobody else anything", async () => {
    hearth = await startTestCoordinator();
    const public_key = Buffer.alloc(32).toString("base64url");
    const bad = await hearth.provider(answer, { register: { encryption_key: { key_id: "zero", public_key } } });
    const pending = hearth.chat(ask());
    expect((await bad.closed).reason).toBe("untrusted");
    expect((await pending).status).toBe(503);
    await hearth.provider(answer);
    expect((await hearth.chat(ask())).status).toBe(200);
  });
});

describe("a heartbeat", () => {
  it("that no longer names a slot takes back what was said of it", async () => {
    hearth = await startTestCoordinator();
    const provider = await hearth.provider(answer, { slots: [place(0)] });
    provider.heartbeat([place(9)]);
    const waiting = hearth.chat(ask());
    await until("the request waits", () => hearth.coordinator.queued() === 1);
    provider.heartbeat([]);
    await until("the request is served", () => hearth.coordinator.queued() === 0, 1_000);
    expect((await waiting).status).toBe(200);
  });
});

describe("a stop", () => {
  it("lets an answer that has come whole reach its consumer whole", async () => {
    hearth = await startTestCoordinator({ policy: PATIENT, config: { drainTimeoutMs: 5_000 } });
    const provider = await hearth.provider(() => {});
    const pending = hearth.chat(ask({ stream: true }));
    await until("the request runs", () => provider.streams.length === 1);
    const stopped = hearth.coordinator.stop();
    // One segment, as an agent writes what is ready together.
    const { _socket: raw } = provider.socket as unknown as { _socket: { cork(): void; uncork(): void } };
    raw.cork();
    provider.streams[0]?.answer(...Array.from({ length: 20 }, (_, i) => `${i} `));
    raw.uncork();
    const got = await readStream(await pending);
    await stopped;
    expect(got).toMatchObject({ done: 1, errors: [], broken: false });
  });

  it("tells those who wait for room to come back", async () => {
    hearth = await startTestCoordinator({ policy: PATIENT });
    const provider = await hearth.provider(() => {}, { slots: [place(0)] });
    const running = hearth.chat(ask()).catch(() => {});
    await until("the request runs", () => provider.streams.length === 1);
    const waiting = hearth.chat(ask());
    await until("the request waits", () => hearth.coordinator.queued() === 1);
    const stopped = hearth.coordinator.stop();
    const got = await waiting;
    expect(got.status).toBe(503);
    expect(got.headers.get("Retry-After")).not.toBeNull();
    await Promise.all([running, stopped]);
  });
});

describe("a provider that reads slowly", () => {
  it("makes the next request wait for it, and refuses nobody", async () => {
    hearth = await startTestCoordinator({ policy: PATIENT });
    const provider = await hearth.provider(answer);
    provider.socket.pause();
    const large = hearth.chat(ask({ messages: [{ role: "user", content: "x".repeat(12 * 1024 * 1024) }] }));
    await until("the backlog is there", () =>
      [...hearth.coordinator.registry.connected()].some((each) => each.backlogBytes > 1024 * 1024),
    );
    const second = hearth.chat(ask());
    await until("the second waits", () => hearth.coordinator.queued() === 1, 1_000);
    provider.socket.resume();
    expect((await second).status).toBe(200);
    expect((await large).status).toBe(200);
  });
});

describe("a provider that answers without end", () => {
  it("is stopped where the answer is gathered for a consumer who does not stream", async () => {
    hearth = await startTestCoordinator({ policy: PATIENT });
    const endless: Script = async (s) => {
      const part = " ".repeat(60_000);
      let sent = 0;
      for (let i = 0; i < 1_000 && s.cancelReason === undefined; i++) {
        await until("credit", () => s.cancelReason !== undefined || sent < 200_000 + s.creditBytes);
        s.sendFrame(s.sealed(part));
        sent += part.length;
      }
      if (s.cancelReason === undefined) s.answer();
    };
    await hearth.provider(endless);
    expect((await hearth.chat(ask())).status).toBe(502);
  });
});

describe("a provider that always finds a reason", () => {
  it("is left alone after five of them, although none is a fault", async () => {
    hearth = await startTestCoordinator({ policy: PATIENT });
    const shirker = await hearth.provider((s) => s.error({ code: "decryption_failed", progress: "not_started" }));
    for (let refused = 1; refused < 5; refused += 2) {
      const pending = hearth.chat(ask());
      // It is believed again when it shows room, and asked once more.
      await until("the request waits", () => hearth.coordinator.queued() === 1);
      expect(shirker.streams).toHaveLength(refused);
      shirker.heartbeat();
      expect((await pending).status).toBe(502);
      shirker.heartbeat();
    }
    await hearth.chat(ask());
    expect((await hearth.chat(ask())).headers.get("Retry-After")).toBe("30");
    expect(shirker.streams).toHaveLength(5);
  });
});

describe("a provider that renames its models without end", () => {
  it("makes the coordinator remember those that it names now", async () => {
    hearth = await startTestCoordinator();
    const provider = await hearth.provider(answer);
    for (let i = 0; i < 20; i++) {
      const models = Array.from({ length: 256 }, (_, j) => ({ id: `n${i}-${j}`, capabilities: {} }));
      provider.send({ type: "models_update", models });
    }
    await until("all are read", () => [...hearth.coordinator.registry.connected()].some((p) => p.models.has("n19-0")));
    expect((await hearth.chat(ask({ model: "n0-0" }))).status).toBe(404);
    expect((await hearth.chat(ask({ model: "n19-0" }))).status).toBe(200);
  });
});

describe("an alias", () => {
  it("is served by its previous build while the desired one has no room", async () => {
    const aliases = new Map([["a", { desired: "new", previous: "old" }]]);
    hearth = await startTestCoordinator({
      policy: PATIENT,
      settings: { ...NO_SETTINGS, catalog: { ...NO_SETTINGS.catalog, aliases } },
    });
    const slots = [{ ...place(0), model: "new" }];
    const fresh = await hearth.provider(() => {}, { models: [{ id: "new" }], slots });
    const running = hearth.chat(ask({ model: "a" })).catch(() => {});
    await until("the desired build is busy", () => fresh.streams.length === 1);
    await hearth.provider(answer, { models: [{ id: "old" }] });
    expect((await hearth.chat(ask({ model: "a" }))).status).toBe(200);
    fresh.terminate();
    await running;
  });
});

describe("a provider that lies about what its answers cost", () => {
  const LIE = { prompt_tokens: Number.MAX_SAFE_INTEGER, completion_tokens: Number.MAX_SAFE_INTEGER };
  const lying: Script = (s) => {
    s.role();
    s.content("hi");
    s.finish();
    s.raw(`data: ${JSON.stringify({ choices: [], usage: { ...LIE, total_tokens: 2 * LIE.prompt_tokens } })}\n\n`);
    s.end(LIE);
  };

  it.each([
    ["/v1/chat/completions", { stream_options: { include_usage: true } }],
    ["/v1/responses", { input: "hi" }],
    ["/v1/messages", { max_tokens: 50 }],
  ])("is not passed on to the consumer: %s", async (path, more) => {
    hearth = await startTestCoordinator({ policy: PATIENT });
    await hearth.provider(lying);
    for (const stream of [true, false]) {
      const response = await fetch(hearth.url + path, {
        method: "POST",
        headers: { Authorization: `Bearer ${API_KEY}`, "Content-Type": "application/json" },
        body: JSON.stringify({ ...ask({ stream }), ...more }),
      });
      expect(response.status).toBe(200);
      const text = await response.text();
      expect(text).toMatch(/tokens"/);
      // Ten digits are more than any answer costs; ids and times stand beside the counts.
      expect(text).not.toMatch(/tokens":\d{10}/);
    }
  });
});
