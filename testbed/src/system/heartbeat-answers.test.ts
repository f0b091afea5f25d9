import { DEFAULT_POLICY, NO_SETTINGS } from "@hearth/coordinator";
import type { HeartbeatAckFrame, HeartbeatFrame, ModelAdvert, Slot } from "@hearth/protocol";
import { readRunFile } from "@hearth/provider-agent/local";
import { afterEach, describe, expect, it, vi } from "vitest";
import { TestAgent } from "../../../provider-agent/src/testing/test-agent.js";
import { until } from "../scripted/answers.js";
import type { Script } from "../scripted/scripted-provider.js";
import { ADMIN_KEY, PROVIDER_TOKEN, startTestCoordinator, type TestCoordinator } from "../scripted/test-coordinator.js";
import { startStubBackend } from "./stub-backend.js";

const OWNERS_TOKEN = "owners-provider-token-0123456789";

let hearth: TestCoordinator;
afterEach(() => hearth.stop());

const answer: Script = (s) => s.answer("good");
const ask = (more: object = {}): object => ({ model: "m", messages: [{ role: "user", content: "hi" }], ...more });
const slot = (changes: Partial<Slot> = {}): Slot => ({
  model: "m",
  state: "running",
  running: 0,
  queued: 0,
  ...changes,
});
const tools = [{ type: "function", function: { name: "f", parameters: { type: "object", properties: {} } } }];

const putManifest = (body: object): Promise<Response> =>
  fetch(`${hearth.url}/admin/runtime-manifest`, {
    method: "PUT",
    headers: { Authorization: `Bearer ${ADMIN_KEY}`, "Content-Type": "application/json" },
    body: JSON.stringify(body),
  });

interface Case {
  readonly model?: ModelAdvert;
  readonly told?: Partial<HeartbeatFrame>;
  readonly slots?: Slot[];
  readonly request?: object;
}

const CASES: readonly (readonly [string, Case, HeartbeatAckFrame["rejected"]])[] = [
  ["is lent to its owner only", { told: { private_only: true } }, { private_only: 1 }],
  ["is paused", { told: { paused: true } }, { private_only: 1 }],
  ["cannot call tools", { model: { id: "m", capabilities: { tools: false } }, request: { tools } }, { tools: 1 }],
  ["is too small", { model: { id: "m", capabilities: {}, weights_bytes: 2 ** 40 } }, { model_too_large: 1 }],
  ["has too short a context", { model: { id: "m", capabilities: {}, context_length: 1 } }, { context_exceeded: 1 }],
  ["is full", { slots: [slot({ running: 1, max_concurrency: 1 })] }, { no_headroom: 1 }],
  ["is too hot", { told: { thermal: "critical" } }, { thermal_critical: 1 }],
  ["serves another model", { model: { id: "other", capabilities: {} } }, { not_serving_model: 1 }],
];

describe("the answer to a heartbeat", () => {
  it.each(CASES)(
    "tells a machine that %s exactly that, once",
    async (_name, { model, told, slots = [], request }, rejected) => {
      const providerTokens = [{ secret: OWNERS_TOKEN, account: "somebody" }];
      hearth = await startTestCoordinator({ settings: { ...NO_SETTINGS, providerTokens } });
      await hearth.provider(answer);
      const models = [model ?? { id: "m", capabilities: {} }];
      const ailing = await hearth.provider(answer, { models, token: OWNERS_TOKEN });
      expect(await ailing.beat(slots, told)).toHaveProperty("reputation", { score: 100, reasons: {} });
      expect((await hearth.chat(ask(request))).status).toBe(200);
      expect(await ailing.beat(slots, told)).toEqual({ type: "heartbeat_ack", picked: 0, lost: 0, rejected });
      expect(await ailing.beat(slots, told)).toEqual({ type: "heartbeat_ack", picked: 0, lost: 0, rejected: {} });
    },
  );

  it("tells who was chosen, and who lost by score", async () => {
    hearth = await startTestCoordinator();
    const idle = await hearth.provider(answer);
    const busy = await hearth.provider(answer);
    await busy.beat([slot({ queued: 9 })]);
    await idle.beat([slot()]);
    for (let i = 0; i < 3; i++) expect((await hearth.chat(ask())).status).toBe(200);
    expect(await idle.beat([])).toMatchObject({ picked: 3, lost: 0, rejected: {} });
    expect(await busy.beat([])).toMatchObject({ picked: 0, lost: 3, rejected: {} });
  });

  it("counts a request that waits once for a full machine, however often it looks whether there is room", async () => {
    hearth = await startTestCoordinator({ policy: { ...DEFAULT_POLICY, ttftBaseMs: 20_000 } });
    const full = [slot({ running: 1, max_concurrency: 1 })];
    const provider = await hearth.provider(answer);
    await provider.beat(full);
    const waiting = hearth.chat(ask());
    await until("the request waits", () => hearth.coordinator.queued() === 1);
    expect(await provider.beat(full)).toMatchObject({ rejected: { no_headroom: 1 } });
    for (let i = 0; i < 5; i++) expect(await provider.beat(full)).toMatchObject({ picked: 0, rejected: {} });
    provider.heartbeat([slot({ max_concurrency: 1 })]);
    expect((await waiting).status).toBe(200);
    expect(await provider.beat(full)).toMatchObject({ picked: 1, rejected: {} });
  });

  it("says that there is a newer program, and whether it has to be taken", async () => {
    hearth = await startTestCoordinator();
    const old = await hearth.provider(answer, { version: "1.0.0" });
    const latest = await hearth.provider(answer, { version: "1.2.0" });
    expect(await old.beat([])).not.toHaveProperty("update");
    const update = { latest_version: "1.2.0", url: "https://example.com/agent" };
    expect((await putManifest({ update })).status).toBe(200);
    expect(await old.beat([])).toMatchObject({ update: { ...update, required: false } });
    expect(await latest.beat([])).not.toHaveProperty("update");
    const catalog = { ...NO_SETTINGS.catalog, versionFloors: { base: "1.1.0" } };
    hearth.coordinator.configure({ ...NO_SETTINGS, catalog });
    expect(await old.beat([])).toMatchObject({ update: { ...update, required: true } });
  });
});

it("reaches the owner of a real agent in its status, with the notice of a newer program", async () => {
  hearth = await startTestCoordinator();
  await hearth.provider(answer, { models: [{ id: "other" }] });
  await using backend = await startStubBackend("m");
  await using agent = new TestAgent({
    coordinators: [`${hearth.url.replace("http", "ws")}/ws/provider`],
    backend: backend.url,
    config: { tokenFor: () => PROVIDER_TOKEN, statusPage: { enabled: true, port: 0 } },
  });
  await until("it is connected", () => hearth.coordinator.registry.size === 2);
  const update = { latest_version: "999.0.0", url: "https://example.com/agent" };
  await putManifest({ update });
  expect((await hearth.chat(ask({ model: "other" }))).status).toBe(200);
  await vi.waitFor(
    async () => {
      const { url, token } = readRunFile(agent.dataDir, "test") ?? { url: "", token: "" };
      const response = await fetch(`${url}/status`, { headers: { Authorization: `Bearer ${token}` } });
      expect(await response.json()).toMatchObject({
        work: { picked: 0, lost: 0, rejected: { not_serving_model: 1 } },
        reputation: { score: 100, reasons: {} },
        update: { ...update, required: false },
      });
    },
    { timeout: 15_000, interval: 100 },
  );
}, 20_000);
