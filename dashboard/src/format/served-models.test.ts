import { expect, it } from "vitest";
import type { Provider } from "../api/types.js";
import { servedModels } from "./served-models.js";

const slot = { state: "running", running: 1, queued: 0, max_concurrency: 4, decode_tps: 40 };
const machine = (status: Provider["status"], facts: object = {}): Provider =>
  ({ status, models: [{ id: "qwen", in_flight: 1, context_length: 8_192, slot, ...facts }] }) as unknown as Provider;

it("adds up what the machines say, and counts those that may be asked apart from all", () => {
  const fleet = [machine("serving"), machine("serving", { context_length: 32_768, slot: null }), machine("offline")];
  expect(servedModels(fleet)).toEqual([
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
  expect(servedModels([])).toEqual([]);
  const silent = machine("serving", {
    context_length: undefined,
    slot: { ...slot, decode_tps: undefined, state: "crashed" },
  });
  expect(servedModels([silent])[0]).toMatchObject({
    context: undefined,
    tokensPerSecond: undefined,
    crashed: 1,
    loaded: 0,
  });
});
