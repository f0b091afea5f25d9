import { NO_SETTINGS } from "@hearth/coordinator";
import { afterEach, expect, it } from "vitest";
import { ADMIN_KEY, startTestCoordinator, type TestCoordinator } from "../scripted/test-coordinator.js";

// The models as the operator sees them over HTTP.

let hearth: TestCoordinator;
afterEach(() => hearth[Symbol.asyncDispose]());

interface List {
  readonly data: readonly Record<string, unknown>[];
  readonly has_more: boolean;
}
const listed = async (query = ""): Promise<List> =>
  (await (await hearth.get(`/admin/models${query}`, ADMIN_KEY)).json()) as List;

it("has builds and aliases, with who serves them, their slots and their prices", async () => {
  const catalog = {
    ...NO_SETTINGS.catalog,
    models: new Set(["away"]),
    aliases: new Map([["smart", { desired: "m", previous: undefined }]]),
  };
  const price = { fromMs: 0, input: 3n, output: 5n, cachedInput: 1n };
  const prices = { ...NO_SETTINGS.prices, models: new Map([["m", [price]]]) };
  hearth = await startTestCoordinator({ settings: { catalog, prices } });
  const provider = await hearth.provider((s) => s.answer("yes"), {
    slots: [{ model: "m", state: "running", running: 1, queued: 0, max_concurrency: 3 }],
  });
  await provider.beat();
  const { data, has_more } = await listed();
  expect(has_more).toBe(false);
  const priced = { input_micro_usd: 3, output_micro_usd: 5, cached_input_micro_usd: 1 };
  const served = { availability: "ready", providers: { serving: 1, all: 1 }, slots: { used: 1, all: 3 }, queued: 0 };
  expect(data).toMatchObject([
    { id: "away", kind: "build", listed: true, availability: "unavailable", providers: { serving: 0, all: 0 } },
    {
      id: "m",
      kind: "build",
      builds: ["m"],
      aliases: ["smart"],
      listed: false,
      ...served,
      prices: { platform: priced },
    },
    { id: "smart", kind: "alias", builds: ["m"], aliases: [], listed: true, ...served, prices: { dearest: priced } },
  ]);
  expect((await listed("?limit=1&after=away")).data).toMatchObject([{ id: "m" }]);
  expect((await listed("?limit=1&after=away")).has_more).toBe(true);
});
