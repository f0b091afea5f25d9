import { afterAll, beforeAll, expect, it } from "vitest";
import { WORST_BODIES, WORST_MODEL } from "../bench/worst-bodies.js";
import { API_KEY, startTestCoordinator, type TestCoordinator } from "../scripted/test-coordinator.js";

let hearth: TestCoordinator;
beforeAll(async () => {
  hearth = await startTestCoordinator();
  await hearth.provider((stream) => stream.answer("ok"), {
    models: [{ id: WORST_MODEL, context_length: 100_000_000, capabilities: { tools: true, vision: true } }],
    slots: [{ model: WORST_MODEL, state: "idle", running: 0, queued: 0, max_concurrency: 8 }],
  });
});
afterAll(() => hearth.stop());

// How long each holds the event loop is the bench's to say (`npm run bench -- worst-bodies`).
it.each(WORST_BODIES)("answers $status to $name", async ({ path, body, status, param }) => {
  const response = await fetch(hearth.url + path, {
    method: "POST",
    headers: { Authorization: `Bearer ${API_KEY}` },
    body: body(),
  });
  const { error } = (await response.json()) as { readonly error?: { readonly param?: string | null } };
  expect(response.status).toBe(status);
  if (param !== undefined) expect(error?.param).toBe(param);
});
