import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { systemClock } from "../../../coordinator/src/platform/clock.js";
import type { CheckResult, CheckSubject } from "../../../provider-agent/src/cli/doctor/check.js";
import { requestCheck } from "../../../provider-agent/src/cli/doctor/request-check.js";
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

// The request that `doctor` sends, as its owner reads what came of it: a real coordinator and a real agent.

vi.setConfig({ testTimeout: 60_000 });

let hearth: TestCoordinator;
let agent: TestAgent;
const parts: AsyncDisposable[] = [];

async function start(backend: string): Promise<void> {
  hearth = await startTestCoordinator();
  agent = new TestAgent({
    coordinators: [`${hearth.url.replace("http", "ws")}/ws/provider`],
    backend,
    config: { tokenFor: () => PROVIDER_TOKEN, statusPage: { enabled: true, port: 0 } },
  });
  parts.push(hearth, agent);
  await until("it is connected", () => hearth.coordinator.registry.size > 0);
}

beforeEach(async () => {
  const backend = await startStubBackend("m", (exchange) => {
    const message = { role: "assistant", content: "Hello" };
    const usage = { prompt_tokens: 3, completion_tokens: 1, total_tokens: 4 };
    const choices = [{ index: 0, message, finish_reason: "length" }];
    const answer = { id: "c1", object: "chat.completion", created: 1, model: "m", choices, usage };
    exchange.answer(200, "application/json", JSON.stringify(answer));
  });
  parts.push(backend);
  await start(backend.url);
});
afterEach(async () => {
  for (const part of parts.splice(0).reverse()) await part[Symbol.asyncDispose]();
});

/** As the command gives it, with as much time. */
function run(): Promise<CheckResult> {
  const subject = {
    settings: { dataDir: agent.dataDir, name: "test" },
    clock: systemClock,
    env: { HEARTH_API_KEY: API_KEY },
  };
  return requestCheck.run(subject as unknown as CheckSubject, AbortSignal.timeout(15_000));
}

const operator = (method: string, path: string, body: object = {}): Promise<Response> =>
  fetch(hearth.url + path, {
    method,
    headers: { Authorization: `Bearer ${ADMIN_KEY}` },
    body: JSON.stringify(body),
  });

/** What the check says once the agent has been told. */
const says = (found: object): Promise<void> =>
  vi.waitFor(async () => expect(await run()).toMatchObject(found), { timeout: 45_000, interval: 1_000 });

it("says that it works, that the machine is fenced, and that the coordinator is away", async () => {
  await says({ status: "ok", detail: expect.stringMatching(/^m answered, through 127\.0\.0\.1:/) });
  const weights = ["0".repeat(64)];
  await operator("PUT", "/admin/runtime-manifest", { models: { m: { weights } } });
  await says({
    status: "fail",
    detail: expect.stringMatching(/^m: HTTP 503, No provider of this model is trusted/),
    fix: expect.stringContaining("m: it runs what the operator does not list."),
  });
  await hearth.stop();
  await says({ status: "skipped", detail: "the agent is not connected" });
});

it("says why a machine gets nothing for which a request would wait", async () => {
  const id = [...hearth.coordinator.registry.providers()][0]?.id ?? "";
  await operator("POST", `/admin/providers/${id}/drain`);
  await says({
    status: "fail",
    detail: expect.stringMatching(/^m: HTTP 429, Nobody who serves this model became free/),
    fix: expect.stringContaining("m: it takes nothing new."),
  });
});

it("says that there is no memory for the model", async () => {
  const tag = { name: "m", model: "m", size: 2 ** 50, digest: "0", details: { format: "gguf", family: "x" } };
  const pages = {
    ...OLLAMA_SERVER.pages,
    "GET /api/tags": { body: { models: [tag] } },
    "GET /api/ps": { body: { models: [] } },
  };
  const backend = await ScriptedBackend.start({ ...OLLAMA_SERVER, pages });
  parts.push(backend);
  await start(backend.url);
  await says({ status: "fail", fix: expect.stringContaining("m: it has too little memory.") });
});
