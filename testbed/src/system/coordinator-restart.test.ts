import { afterAll, beforeAll, expect, it } from "vitest";
import { SpawnedHearth } from "./spawned-hearth.js";
import type { SpawnedProcess } from "./spawned-process.js";

const NAMES = ["left", "right"] as const;

let hearth: SpawnedHearth;
let agents: readonly SpawnedProcess[];
beforeAll(async () => {
  hearth = await SpawnedHearth.start();
  agents = await Promise.all(NAMES.map((name) => hearth.agent({ name })));
});
afterAll(() => hearth[Symbol.asyncDispose]());

/** Delays until the next dial, ms, as the agents have logged them so far. */
const delays = (): number[] =>
  agents.flatMap((agent) => agent.logged("reconnecting").map((line) => Number(line["afterMs"])));

async function bothServe(): Promise<void> {
  await hearth.coordinator.until(
    "both agents are back",
    async () => (await hearth.providers()).filter((provider) => provider.status === "serving").length === 2,
    30_000,
  );
  for (const provider of await hearth.providers()) {
    const answer = await hearth.chat(
      { model: "pico", messages: [{ role: "user", content: "What is 7 + 8?" }] },
      { headers: { "X-Hearth-Providers": provider.id } },
    );
    expect(answer.status).toBe(200);
    expect(answer.headers.get("x-provider-id")).toBe(provider.id);
  }
}

const endings: readonly (readonly [string, () => Promise<unknown>])[] = [
  ["SIGTERM", () => hearth.coordinator.stop()],
  ["SIGKILL", () => hearth.coordinator.kill()],
];

it.each(endings)("agents come back and serve by themselves after the coordinator got %s", async (_name, end) => {
  await bothServe();
  const before = (await hearth.providers()).map((provider) => provider.id).toSorted();
  const dials = delays().length;
  await end();
  await hearth.startCoordinator();
  await bothServe();
  expect((await hearth.providers()).map((provider) => provider.id).toSorted()).toEqual(before);
  expect(delays().length).toBeGreaterThanOrEqual(dials + 2);
  expect(agents.every((agent) => agent.alive)).toBe(true);
});

it("agents come back with jitter, not in step", () => {
  expect(delays().length).toBeGreaterThanOrEqual(4);
  expect(new Set(delays()).size).toBeGreaterThan(1);
});
