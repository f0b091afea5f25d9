import { afterEach, beforeEach, expect, it } from "vitest";
import { ScriptedProvider } from "../scripted/scripted-provider.js";
import { PROVIDER_TOKEN, startTestCoordinator } from "../scripted/test-coordinator.js";
import { eventually } from "./eventually.js";
import { SpawnedHearth } from "./spawned-hearth.js";

let hearth: SpawnedHearth;
beforeEach(async () => {
  hearth = await SpawnedHearth.start();
});
afterEach(() => hearth[Symbol.asyncDispose]());

const ask = { model: "m", messages: [{ role: "user", content: "hi" }] };

/** The same machine each time. */
const MACHINE = Buffer.alloc(32, 5).toString("base64url");

function connect(models: readonly string[] = ["m"]): Promise<ScriptedProvider> {
  return ScriptedProvider.connect({
    url: hearth.providerUrl,
    token: PROVIDER_TOKEN,
    script: (stream) => stream.answer("here"),
    models: models.map((id) => ({ id })),
    register: { identity: MACHINE },
  });
}

it("a model that has answered waits for its machine after a restart, and is answered", async () => {
  const first = await connect();
  expect((await hearth.chat(ask)).status).toBe(200);
  await hearth.coordinator.stop();
  first.terminate();
  await hearth.startCoordinator();
  expect(await (await hearth.get("/readyz")).json()).toEqual({ status: "ready", providers: 0, expected: 1 });
  const pending = hearth.chat(ask);
  await eventually("the request waits", async () => (await hearth.metric("hearth_queue_depth")) === 1);
  const again = await connect();
  const answer = await pending;
  expect(answer.status).toBe(200);
  expect(await answer.text()).toContain("here");
  again.terminate();
});

it("a model is not found after a restart only once its machine is back without it", async () => {
  const first = await connect();
  await hearth.chat(ask);
  await hearth.coordinator.stop();
  first.terminate();
  await hearth.startCoordinator();
  const pending = hearth.chat(ask);
  await eventually("the request waits", async () => (await hearth.metric("hearth_queue_depth")) === 1);
  const without = await connect(["other"]);
  expect((await pending).status).toBe(404);
  const later = await hearth.chat(ask);
  expect(later.status).toBe(404);
  expect(await later.text()).toContain("model_not_found");
  without.terminate();
});

it("a model that nobody has ever answered with is not found, and a fresh coordinator expects nobody", async () => {
  expect((await hearth.chat(ask)).status).toBe(404);
  expect(await (await hearth.get("/readyz")).json()).toEqual({ status: "ready", providers: 0, expected: 0 });
});

it("machines that come and go under ever new names leave a bounded trace", async () => {
  await using coordinator = await startTestCoordinator();
  for (let i = 0; i < 300; i++) {
    const identity = Buffer.alloc(32);
    identity.writeUInt32BE(i + 1);
    const stranger = await coordinator.provider(() => {}, { register: { identity: identity.toString("base64url") } });
    stranger.terminate();
  }
  const { registry } = coordinator.coordinator;
  await eventually("all are gone", () => registry.size === 0);
  expect(registry.expected).toBe(256);
});
