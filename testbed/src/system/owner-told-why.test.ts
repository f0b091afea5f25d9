import { NO_SETTINGS } from "@hearth/coordinator";
import { type AgentStatus, readRunFile } from "@hearth/provider-agent/local";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
// What its owner's command prints.
import { renderStatus } from "../../../provider-agent/src/cli/render-status.js";
import { OLLAMA_SERVER } from "../../../provider-agent/src/testing/recorded-servers.js";
import { ScriptedBackend } from "../../../provider-agent/src/testing/scripted-backend.js";
import { TestAgent } from "../../../provider-agent/src/testing/test-agent.js";
import { until } from "../scripted/answers.js";
import {
  ADMIN_KEY,
  API_KEY,
  PROVIDER_TOKEN,
  startTestCoordinator,
  type TestCoordinator,
} from "../scripted/test-coordinator.js";
import { startStubBackend } from "./stub-backend.js";

// Why a machine gets no work, as its owner reads it within ten seconds: a real coordinator and a real agent.

vi.setConfig({ testTimeout: 40_000 });

let hearth: TestCoordinator;
/** What a test has started, the latest last. */
const parts: AsyncDisposable[] = [];

function use<T extends AsyncDisposable>(part: T): T {
  parts.push(part);
  return part;
}

beforeEach(async () => {
  hearth = use(await startTestCoordinator());
});
afterEach(async () => {
  for (const part of parts.splice(0).reverse()) await part[Symbol.asyncDispose]();
});

const QUESTION = { model: "m", messages: [{ role: "user", content: "a secret question" }] };

async function startAgent(backendUrl?: string): Promise<TestAgent> {
  const backend = backendUrl ?? use(await startStubBackend("m", (exchange) => exchange.end())).url;
  const agent = use(
    new TestAgent({
      coordinators: [`${hearth.url.replace("http", "ws")}/ws/provider`],
      backend,
      config: { tokenFor: () => PROVIDER_TOKEN, statusPage: { enabled: true, port: 0 } },
    }),
  );
  await until("it is connected", () => hearth.coordinator.registry.size > 0);
  return agent;
}

const same = (text: string | number | null | undefined): string => String(text);
const UNCOLOURED = { bold: same, dim: same, red: same, green: same, yellow: same, cyan: same };

/** Waits until the owner's command prints this. @returns all that it prints */
async function reads(agent: TestAgent, ...lines: readonly RegExp[]): Promise<string> {
  return await vi.waitFor(
    async () => {
      const { url, token } = readRunFile(agent.dataDir, "test") ?? { url: "", token: "" };
      const response = await fetch(`${url}/status`, { headers: { Authorization: `Bearer ${token}` } });
      const text = renderStatus((await response.json()) as AgentStatus, Date.now(), UNCOLOURED);
      for (const line of lines) expect(text).toMatch(line);
      return text;
    },
    { timeout: 10_000, interval: 250 },
  );
}

async function putManifest(manifest: object): Promise<void> {
  const headers = { Authorization: `Bearer ${ADMIN_KEY}`, "Content-Type": "application/json" };
  const body = JSON.stringify(manifest);
  expect((await fetch(`${hearth.url}/admin/runtime-manifest`, { method: "PUT", headers, body })).status).toBe(200);
}

it("fenced by a wrong hash, it says which, and who has to do what", async () => {
  const agent = await startAgent();
  await reads(agent, /m: nothing is against it, and of 1 it is the first choice\./);
  await putManifest({ models: { m: { weights: ["0".repeat(64)] } } });
  const text = await reads(
    agent,
    /^Activity +fenced/m,
    /The weights of m have no hash here, and the operator lists 0{12}\./,
    /m: it runs what the operator does not list\. It has to run a program, template and weights that/,
  );
  expect(text).not.toContain("{");
  await putManifest({});
  await reads(agent, /^Activity +serving/m, /m: nothing is against it/);
});

it("fenced by a version floor, it says which version is needed", async () => {
  const agent = await startAgent();
  const catalog = { ...NO_SETTINGS.catalog, versionFloors: { base: "999.0.0" } };
  hearth.coordinator.configure({ ...NO_SETTINGS, catalog });
  await reads(
    agent,
    /^Activity +fenced/m,
    /It runs version \S+, and the operator asks for at least 999\.0\.0\./,
    /m: it runs an agent that is too old\. Its owner has to update the agent\./,
  );
});

it("without the memory for its model, it says so before anybody asked for it", async () => {
  const tag = { name: "m", model: "m", size: 2 ** 50, digest: "0", details: { format: "gguf", family: "x" } };
  const pages = {
    ...OLLAMA_SERVER.pages,
    "GET /api/tags": { body: { models: [tag] } },
    "GET /api/ps": { body: { models: [] } },
  };
  const backend = use(await ScriptedBackend.start({ ...OLLAMA_SERVER, pages }));
  const agent = await startAgent(backend.url);
  await reads(
    agent,
    /^Activity +no requests come now/m,
    /m: it has too little memory\. It needs more memory, or a smaller build of the model\./,
  );
});

it("with a better neighbour, it says how many go before it, and what makes the difference", async () => {
  const neighbour = await hearth.provider((s) => s.answer("a secret answer"), { name: "neighbour" });
  await neighbour.beat([{ model: "m", state: "running", running: 0, queued: 0, decode_tps: 10_000 }]);
  const agent = await startAgent();
  await until("both are there", () => hearth.coordinator.registry.size === 2);
  await reads(agent, /m: /);
  for (let n = 0; n < 5; n++) await (await hearth.chat(QUESTION)).json();
  const text = await reads(
    agent,
    /\d × another machine was quicker or less busy/,
    /m: it could serve, and 1 of 2 goes before it: its score is \S+ s, the best is \S+ s; most of the difference is for .+ more\)\.$/m,
  );
  expect(text).not.toContain("secret");
});

it("paused by its owner at the coordinator, it says until when and why, and when that is over nothing of it", async () => {
  const agent = await startAgent();
  await reads(agent, /m: nothing is against it/);
  const id = [...hearth.coordinator.registry.providers()][0]?.id ?? "";
  const post = (action: string, body: object): Promise<Response> =>
    fetch(`${hearth.url}/v1/me/machines/${id}/${action}`, {
      method: "POST",
      headers: { Authorization: `Bearer ${API_KEY}` },
      body: JSON.stringify(body),
    });
  expect((await post("pause", { until: 4_102_444_800, reason: "video call" })).status).toBe(200);
  await reads(agent, /paused this machine at the coordinator, until 2100-01-01 00:00 UTC, .*: video call/);
  expect((await post("resume", {})).status).toBe(200);
  const text = await reads(agent, /m: nothing is against it/);
  expect(text).not.toContain("video call");
});
