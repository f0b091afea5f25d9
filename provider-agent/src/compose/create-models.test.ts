import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Clock } from "@hearth/platform";
import { FakeClock } from "@hearth/platform/testing";
import { afterEach, beforeEach, expect, it } from "vitest";
import type { Backend, BackendStatus, ModelSource, Rendering, ServerRenderer } from "../backends/backend.js";
import { SHIPPED_MODEL } from "../config/backend-config.js";
import { readAgentSettings } from "../config.js";
import { Jobs } from "../jobs/jobs.js";
import { systemClock } from "../platform/clock.js";
import { createLogger } from "../platform/logger.js";
import { eventually } from "../testing/eventually.js";
import { ggufFile } from "../testing/gguf-file.js";
import { createModels, type Models } from "./create-models.js";

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

function watched(probe: () => BackendStatus, clock: Clock): Models {
  const log = createLogger("silent");
  const backend: Backend = {
    name: "b",
    probe: async () => probe(),
    open: () => Promise.reject(new Error("nobody asks")),
    stop: async () => {},
  };
  const settings = readAgentSettings({ coordinator: "ws://127.0.0.1:1" }, {});
  const config = { ...settings, tokenFor: () => "token", dataDir };
  const jobs = new Jobs({ backend, keys: { acquire: () => undefined, holds: () => false }, clock, log });
  return createModels({ config, backend, jobs, clock, log, hooks: { changed: () => {} } });
}

it("reads no further in the weights of a model that is no longer served", async () => {
  // Reading rests between two parts of a file until time moves on, which it does not here.
  const clock = new FakeClock();
  let status = statusOf("m");
  await using models = watched(() => status, clock);
  const { advertiser } = models;
  await advertiser.refresh(never);
  await eventually(() => advertiser.models[0]?.weights_bytes !== undefined && clock.pending === 1);
  status = statusOf();
  await advertiser.refresh(never);
  expect(advertiser.models).toEqual([]);
  await eventually(() => clock.pending === 0);
});

it("fences a model for its template only when the server that has it loaded refuses every conversation", async () => {
  const path = join(dataDir, "m.gguf");
  writeFileSync(path, ggufFile({ values: { "general.architecture": "llama", "tokenizer.chat_template": "{% if" } }));
  const asked: unknown[] = [];
  const says = (answer: Rendering | undefined): ServerRenderer => ({
    stamp: "1",
    async ask(conversation) {
      asked.push(conversation["messages"]);
      return answer;
    },
  });
  const sources = new Map<string, ModelSource>([
    ["unasked", { path }],
    ["silent", { path, renderer: says(undefined) }],
    ["rendered", { path, renderer: says({ type: "rendered", prompt: "" }) }],
    ["refused", { path, renderer: says({ type: "refused" }) }],
    ["elsewhere", { renderer: says({ type: "refused" }) }],
  ]);
  await using models = watched(() => ({ ...statusOf(...sources.keys()), sources }), systemClock);
  const { advertiser } = models;
  await advertiser.refresh(never);
  const verdicts = (): unknown[] => advertiser.models.map(({ template_render_ok }) => template_render_ok);
  await eventually(() => verdicts().at(-1) !== undefined, 20_000);
  expect(verdicts()).toEqual([undefined, undefined, true, false, false]);
  expect(asked[0]).toEqual([expect.objectContaining({ role: "user" })]);
  // It shows nothing of what it is asked.
  const rendered = advertiser.models.find(({ id }) => id === "rendered");
  expect(rendered).toMatchObject({ capabilities: { tools: false }, needs_string_types: false, system_anywhere: false });
  expect(rendered).not.toHaveProperty("supports");
});
