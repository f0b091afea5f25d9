import { expect, it } from "vitest";
import type { Provider } from "../api/types.js";
import { servedModels } from "./served-models.js";

const slot = { state: "running", running: 1, queued: 0, max_concurrency: 4, decode_tps: 40 };
const machine = (status: Provider["status"], facts: object = {}): Provider =>
  ({ status, models: [{ id: "qwen", in_flight: 1, context_length: 8_192, slot, ...facts }] }) as unknown as Provider;

it("adds up what the machines say, and counts those that may be asked apart from all", () => {
  const fleet = [machine("serving"), machine("serving", { context_length: 32_768, slot: null }), machine("offline")];
  expect(servedModels(fleet, [])).toMatchObject([
    {
      id: "qwen",
      serving: 2,
      machines: 3,
      loaded: 1,
      crashed: 0,
      inFlight: 3,
      slots: 5,
      context: 32_768,
      tokensPerSecond: 40,
    },
  ]);
});

it("knows of nothing that nobody says", () => {
  expect(servedModels([], [])).toEqual([]);
  const silent = machine("serving", {
    context_length: undefined,
    slot: { ...slot, decode_tps: undefined, state: "crashed" },
  });
  expect(servedModels([silent], [])[0]).toMatchObject({
    context: undefined,
    tokensPerSecond: undefined,
    crashed: 1,
    loaded: 0,
  });
});

it("adds what the coordinator tells: aliases, models that nobody serves, who waits and prices", () => {
  const price = { input_micro_usd: 1, output_micro_usd: 2, cached_input_micro_usd: 1 };
  const prices = { platform: price, cheapest: price, dearest: price };
  const told = [
    {
      id: "best",
      kind: "alias",
      builds: ["qwen"],
      providers: { serving: 1, all: 2 },
      slots: { used: 1, all: 4 },
      queued: 3,
      prices,
    },
    {
      id: "gone",
      kind: "build",
      builds: ["gone"],
      providers: { serving: 0, all: 0 },
      slots: { used: 0, all: 0 },
      queued: 0,
      prices: null,
    },
  ] as const;
  expect(servedModels([machine("serving")], told)).toMatchObject([
    { id: "best", builds: ["qwen"], serving: 1, machines: 2, inFlight: 1, slots: 4, waiting: 3, prices },
    { id: "gone", builds: [], machines: 0, prices: null },
    { id: "qwen", builds: [], machines: 1, inFlight: 1, waiting: 0, prices: null },
  ]);
});
