import { createHash } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Clock } from "@hearth/platform";
import { pino } from "pino";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Rendering, RenderQuestion, ServerRenderer } from "../backends/backend.js";
import { systemClock } from "../platform/clock.js";
import { eventually } from "../testing/eventually.js";
import { ggufFile } from "../testing/gguf-file.js";
import { type ModelFacts, ModelInspector, REINSPECT_MS } from "./model-inspector.js";
import { WeightsHasher } from "./weights-hash.js";

const GOOD = "{% for m in messages %}{{ m.content }}{% endfor %}";
const BAD = "{% if";
let root: string;
let lateMs: number;
let inspector: ModelInspector;
let told: [string, ModelFacts][];

/** The machine's clock, that can be put forward. */
const clock: Clock = {
  now: () => systemClock.now() + lateMs,
  wallTime: () => systemClock.wallTime(),
  setTimer: (ms, fire) => systemClock.setTimer(ms, fire),
};
/** The machine may be busy with other tests. */
const PATIENT_MS = 20_000;
const log = pino({ level: "silent" });
const sha256 = (content: string | Buffer): string => createHash("sha256").update(content).digest("hex");

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "hearth-inspector-"));
  lateMs = 0;
  told = [];
  const hasher = new WeightsHasher({ cachePath: join(root, "cache.json"), clock, pace: "full" });
  const hooks = { learned: (id: string, facts: ModelFacts): void => void told.push([id, facts]) };
  inspector = new ModelInspector({ hasher, clock, log, templateCheckMs: PATIENT_MS, hooks });
});
afterEach(async () => {
  await inspector.stop();
  rmSync(root, { recursive: true, force: true });
});

function put(template: string | undefined, weights = "weights"): { readonly path: string; readonly bytes: Buffer } {
  const path = join(root, "m.gguf");
  const own = template === undefined ? {} : { "tokenizer.chat_template": template };
  const values = { "general.architecture": "llama", "general.file_type": 7, ...own };
  const bytes = ggufFile({ values: { ...values, "llama.context_length": 512 }, weights: Buffer.from(weights) });
  writeFileSync(path, bytes);
  return { path, bytes };
}

const facts = (id: string): ModelFacts => told.findLast(([each]) => each === id)?.[1] ?? {};

/** A server that says the same of every conversation. */
const says = (answer: Rendering | undefined): ServerRenderer => ({ ask: async () => answer, stamp: "1" });

const hashKnown = (): Promise<number> => eventually(() => told.at(-1)?.[1].weights_hash !== undefined, PATIENT_MS);

describe("ModelInspector", () => {
  it("tells at once what it knows, and the rest as it becomes known", async () => {
    const { path, bytes } = put(GOOD);
    expect(inspector.factsOf("m", { path })).toEqual({});
    await hashKnown();
    expect(inspector.factsOf("m", { path })).toEqual({
      weights_bytes: bytes.length,
      context_length: 512,
      quantization: "Q8_0",
      weights_hash: sha256(bytes),
      template_hash: sha256(GOOD),
      template_render_ok: true,
      system_anywhere: true,
      turns_anywhere: true,
      supports: { system: true, tools: false, parallel_tools: false },
    });
    expect(told.map(([id]) => id)).toEqual(["m", "m", "m"]);
    expect(told.map(([, each]) => Object.keys(each).length)).toEqual([4, 8, 9]);
  });

  it("has nothing to say of a model without a path or a file", async () => {
    expect(inspector.factsOf("m", {})).toEqual({});
    expect(inspector.factsOf("n", { path: join(root, "none.gguf") })).toEqual({});
    await inspector.stop();
    expect(told).toEqual([]);
  });

  it("says `false` only where the server refuses every conversation, and what it says comes before ours", async () => {
    const { path } = put(BAD);
    const [rendered, refused] = [says({ type: "rendered" }), says({ type: "refused" })];
    const sources = {
      alone: { path },
      rendered: { path, renderer: rendered },
      refused: { path, renderer: refused },
      silent: { path, renderer: says(undefined) },
      fileless: { renderer: refused },
    };
    for (const [id, source] of Object.entries(sources)) inspector.factsOf(id, source);
    await eventually(() => facts("fileless").template_render_ok !== undefined, PATIENT_MS);
    const verdicts = Object.keys(sources).map((id) => facts(id).template_render_ok);
    expect(verdicts).toEqual([undefined, true, false, undefined, false]);
    put(GOOD);
    inspector.factsOf("good", { path, renderer: refused });
    await eventually(() => facts("good").template_render_ok === false, PATIENT_MS);
  });

  it("does not fence a model without a template, of which a server can only refuse chats", async () => {
    const { path } = put(undefined);
    inspector.factsOf("base", { path, renderer: says({ type: "refused" }) });
    inspector.factsOf("next", { path, renderer: says({ type: "rendered" }) });
    await eventually(() => facts("next").template_render_ok === true, PATIENT_MS);
    expect(facts("base")).toHaveProperty("supports");
    expect(facts("base").template_render_ok).toBeUndefined();
  });

  it("has from the server what ours cannot know, and from ours what the server does not say", async () => {
    const { path } = put(`{% for t in tools or [] %}{{ t | tojson }}{% endfor %}${GOOD}`);
    const shows: RenderQuestion = async ({ messages, tools }) =>
      tools === undefined || !JSON.stringify(tools).includes('"type":["string"')
        ? { type: "rendered", prompt: JSON.stringify([messages, tools]) }
        : { type: "refused" };
    inspector.factsOf("m", { path, renderer: { ask: shows, stamp: "1" } });
    inspector.factsOf("silent", { path, renderer: says(undefined) });
    const noTools: RenderQuestion = async ({ tools }) => (tools ? { type: "refused" } : { type: "rendered" });
    inspector.factsOf("no-tools", { renderer: { ask: noTools, stamp: "1" } });
    await eventually(() => facts("no-tools").capabilities !== undefined, PATIENT_MS);
    expect(facts("m")).toMatchObject({ needs_string_types: true, system_anywhere: true });
    expect(facts("silent")).toMatchObject({ needs_string_types: false, system_anywhere: true });
    expect(facts("no-tools")).toEqual({
      template_render_ok: true,
      turns_anywhere: false,
      capabilities: { tools: false },
    });
  });

  it("asks a server once, again for another renderer, and some times where it does not answer", async () => {
    let asked = 0;
    let answer: Rendering | undefined = { type: "refused" };
    const source = (stamp: string) => ({
      renderer: {
        async ask() {
          asked += 1;
          return answer;
        },
        stamp,
      },
    });
    const look = async (stamp: string): Promise<ModelFacts> => {
      inspector.factsOf("m", source(stamp));
      // Inspections are one after another.
      inspector.factsOf(`after ${lateMs}`, { renderer: says({ type: "rendered" }) });
      await eventually(() => facts(`after ${lateMs}`).template_render_ok === true, PATIENT_MS);
      lateMs += REINSPECT_MS;
      return inspector.factsOf("m", source(stamp));
    };
    expect(await look("1")).toEqual({ template_render_ok: false });
    const once = asked;
    await look("1");
    expect(asked).toBe(once);
    answer = { type: "rendered" };
    expect(await look("2")).toEqual({ template_render_ok: true, turns_anywhere: true });
    const twice = asked;
    expect(twice).toBeGreaterThan(once);
    // Asleep, it is not asked, and what it said holds.
    expect(inspector.factsOf("m", {})).toEqual({ template_render_ok: true, turns_anywhere: true });
    answer = undefined;
    for (let i = 0; i < 5; i += 1) expect(await look("3")).toEqual({});
    expect(asked - twice).toBe(3);
  });

  it("has no opinion on templates that the backend does not use", async () => {
    const { path } = put(BAD);
    inspector.factsOf("m", { path, templates: "foreign" });
    await hashKnown();
    expect(Object.keys(told.at(-1)?.[1] ?? {})).toEqual([
      ...["weights_bytes", "context_length", "quantization", "weights_hash"],
    ]);
  });

  it("notices a model that was replaced under its name, and does not vouch for it with the old hash", async () => {
    const source = { path: put(GOOD).path };
    inspector.factsOf("m", source);
    await hashKnown();
    const { bytes } = put(GOOD, "other weights");
    told.length = 0;
    lateMs = REINSPECT_MS;
    inspector.factsOf("m", source);
    await hashKnown();
    expect(told[0]?.[1].weights_hash).toBeUndefined();
    expect(told.at(-1)?.[1].weights_hash).toBe(sha256(bytes));
  });

  it("says nothing when it looks again and all is as it was", async () => {
    const source = { path: put(GOOD).path };
    inspector.factsOf("m", source);
    await hashKnown();
    told.length = 0;
    lateMs = REINSPECT_MS;
    inspector.factsOf("m", source);
    await inspector.stop();
    expect(told).toEqual([]);
  });

  it("tries a check that was cut short again, and not for ever", async () => {
    const endless = "{% for i in range(10**9) %}{% endfor %}";
    const source = { path: put(endless).path };
    const cut: unknown[] = [];
    const noting = pino({ level: "warn" }, { write: (line: string) => void cut.push(JSON.parse(line)) });
    const hasher = new WeightsHasher({ cachePath: join(root, "cache.json"), clock, pace: "full" });
    const own = new ModelInspector({ hasher, clock, log: noting });
    for (let look = 1; look <= 5; look += 1) {
      expect(own.factsOf("m", source)).not.toHaveProperty("template_render_ok");
      lateMs += REINSPECT_MS;
      if (look <= 3) await eventually(() => cut.length === look, PATIENT_MS);
    }
    await eventually(() => own.factsOf("m", source).weights_hash !== undefined, PATIENT_MS);
    await own.stop();
    expect(cut).toHaveLength(3);
    expect(cut[0]).toMatchObject({ msg: "chat template not checked", ended: "cut_short", model: "m" });
  });

  it("tells nobody of a model that is no longer served, or after it was stopped", async () => {
    const { path } = put(GOOD);
    inspector.factsOf("m", { path });
    inspector.retain(new Set());
    inspector.factsOf("n", { path });
    await inspector.stop();
    expect(told).toEqual([]);
    expect(inspector.factsOf("m", { path })).toEqual({});
  });
});
