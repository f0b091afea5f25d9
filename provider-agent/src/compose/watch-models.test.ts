import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import type { Backend, BackendStatus } from "../backends/backend.js";
import { SHIPPED_MODEL } from "../config/backend-config.js";
import { readAgentSettings } from "../config.js";
import { Jobs } from "../jobs/jobs.js";
import { createLogger } from "../platform/logger.js";
import { eventually } from "../testing/eventually.js";
import { VirtualClock } from "../testing/virtual-clock.js";
import { watchModels } from "./watch-models.js";

const never = new AbortController().signal;

let dataDir = "";
beforeEach(() => {
  dataDir = mkdtempSync(join(tmpdir(), "hearth-watch-"));
});
afterEach(() => rmSync(dataDir, { recursive: true, force: true }));

/** Says that it serves these from the file that ships with the agent. */
function statusOf(...ids: readonly string[]): BackendStatus {
  return {
    type: "reachable",
    models: ids.map((id) => ({ id, capabilities: {} })),
    slots: [],
    sources: new Map(ids.map((id) => [id, { path: SHIPPED_MODEL }])),
  };
}

it("reads no further in the weights of a model that is no longer served", async () => {
  // Reading rests between two parts of a file until time moves on, which it does not here.
  const clock = new VirtualClock();
  const log = createLogger("silent");
  let status = statusOf("m");
  const backend: Backend = {
    name: "b",
    probe: async () => status,
    open: () => Promise.reject(new Error("nobody asks")),
    stop: async () => {},
  };
  const settings = readAgentSettings({ coordinator: "ws://127.0.0.1:1" }, {});
  const config = { ...settings, tokenFor: () => "token", dataDir };
  const jobs = new Jobs({ backend, keys: { acquire: () => undefined }, clock, log });
  await using models = watchModels({ config, backend, jobs, deps: { clock, log }, changed: () => {} });
  const { advertiser } = models;
  await advertiser.refresh(never);
  await eventually(() => advertiser.models[0]?.weights_bytes !== undefined && clock.pending === 1);
  status = statusOf();
  await advertiser.refresh(never);
  expect(advertiser.models).toEqual([]);
  await eventually(() => clock.pending === 0);
});
