import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { systemClock } from "../platform/clock.js";
import { ggufFile } from "../testing/gguf-file.js";
import { checkModel, type ModelCheckReport } from "./check-model.js";
import { inspectModel } from "./inspect-model.js";
import { hashModel, listModels } from "./list-models.js";
import { WeightsHasher } from "./weights-hash.js";

const PICO = fileURLToPath(new URL("../../models/pico/pico.gguf", import.meta.url));
const GOOD = "{% for m in messages %}{{ m.content }}{% endfor %}";
let root: string;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "hearth-check-"));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const check = (path: string): Promise<ModelCheckReport> => checkModel(path, { clock: systemClock, limitMs: 20_000 });

function gguf(name: string, values: Parameters<typeof ggufFile>[0]["values"] = {}, weights = "weights"): string {
  const path = join(root, name);
  writeFileSync(
    path,
    ggufFile({ values: { "general.architecture": "llama", ...values }, weights: Buffer.from(weights) }),
  );
  return path;
}

describe("checkModel", () => {
  it("passes the model that ships with the agent, fixture by fixture", async () => {
    const report = await check(PICO);
    if (report.type !== "checked") throw new Error(report.problem);
    expect(report).toMatchObject({ renders: true, ended: "finished", vision: false, problems: [] });
    expect(report.rows.map(({ fixture }) => fixture)).toEqual([
      ...["chat", "system", "empty_assistant_tail", "tools_offered", "tool_flow", "parallel_tools"],
    ]);
    expect(report.supports).toMatchObject({ system: true, tools: true });
  });

  it("names template, fixture and line of a failure, with the line itself", async () => {
    const variant = `${GOOD}\n  {{ tools |\u001b no_such }}`.replace("\u001b", "");
    const path = gguf("a.gguf", { "tokenizer.chat_template": GOOD, "tokenizer.chat_template.other": variant });
    const report = await check(path);
    if (report.type !== "checked") throw new Error(report.problem);
    expect(report.renders).toBe(false);
    expect(report.rows.filter(({ outcome }) => outcome === "failed")[0]).toEqual({
      ...{
        template: "other",
        origin: "tokenizer.chat_template.other",
        fixture: "chat",
        outcome: "failed",
        counts: true,
      },
      ...{ message: expect.stringContaining("no_such"), line: 2, lineText: "{{ tools | no_such }}" },
    });
  });

  it("has a row for a template that does not compile, and for one that takes too long", async () => {
    const endless =
      "{% for i in range(9999) %}{% for j in range(9999) %}{% for k in range(9999) %}{% endfor %}{% endfor %}{% endfor %}";
    const path = gguf("a.gguf", { "tokenizer.chat_template": "{% if", "tokenizer.chat_template.z": endless });
    const report = await checkModel(path, { clock: systemClock, limitMs: 4_000 });
    expect(report).toMatchObject({
      renders: false,
      ended: "cut_short",
      rows: [
        { template: "default", fixture: undefined, outcome: "not_compiled", line: 1 },
        { template: "z", fixture: undefined, outcome: "not_run" },
      ],
    });
  });

  it("asks for pictures where a projector lies beside the model", async () => {
    gguf("mmproj.gguf", { "general.architecture": "clip" });
    const report = await check(gguf("a.gguf", { "tokenizer.chat_template": GOOD }));
    expect(report).toMatchObject({ vision: true, supports: { image: expect.any(Boolean) } });
  });

  it("says of a path what is wrong with it", async () => {
    expect(await check(join(root, "none"))).toMatchObject({ type: "unreadable", problem: "ENOENT" });
    expect(await check(root)).toMatchObject({ type: "unreadable", problem: "it holds no model" });
    writeFileSync(join(root, "x.gguf"), "no");
    expect(await check(join(root, "x.gguf"))).toMatchObject({ type: "unreadable", problem: "the file is cut off" });
    expect(await check(gguf("mmproj.gguf", { "general.architecture": "clip" }))).toMatchObject({
      problem: "it is no model of its own",
    });
  });
});

describe("inspectModel", () => {
  it("reads what a folder of safetensors says", async () => {
    const config = { model_type: "qwen2", max_position_embeddings: 4096, quantization: { bits: 4, group_size: 64 } };
    writeFileSync(join(root, "config.json"), JSON.stringify(config));
    writeFileSync(join(root, "model.safetensors"), "12345");
    writeFileSync(join(root, "chat_template.jinja"), GOOD);
    expect(await inspectModel(root)).toMatchObject({
      type: "model",
      model: {
        ...{ format: "safetensors", weightsBytes: 5, architecture: "qwen2", contextLength: 4096, vision: false },
        ...{ quantization: "4-bit", host: "transformers", templates: { templates: [{ source: GOOD }] } },
      },
    });
  });

  it("adds up the parts of a split model, whichever part is named", async () => {
    const part = (number: number): Buffer =>
      ggufFile({ values: { "general.architecture": "llama", "split.count": 2 }, tensors: [[number, 10]] });
    for (const number of [1, 2]) writeFileSync(join(root, `m-0000${number}-of-00002.gguf`), part(number));
    const inspection = await inspectModel(join(root, "m-00002-of-00002.gguf"));
    expect(inspection).toMatchObject({ model: { parameterCount: 30, files: [{}, {}].map(() => expect.any(String)) } });
  });
});

describe("listModels", () => {
  it("lists models with what their files say, and the hash where it is known", async () => {
    mkdirSync(join(root, "pub"));
    const path = join(root, "pub", "pico.gguf");
    copyFileSync(PICO, path);
    writeFileSync(join(root, "pub", "broken.gguf"), "no");
    const hasher = new WeightsHasher({ cachePath: join(root, "cache.json"), clock: systemClock, pace: "full" });
    const before = await listModels({ places: [root] }, hasher);
    expect(before.problems).toEqual([{ path: join(root, "pub", "broken.gguf"), problem: "the file is cut off" }]);
    expect(before.models).toEqual([
      {
        ...{ id: "pico", format: "gguf", path, weightsBytes: readFileSync(PICO).length, vision: false, parts: 1 },
        ...{ architecture: "llama", quantization: "F16", contextLength: 2048, parameterCount: 1_291_648 },
        ...{ templates: 1, weightsHash: undefined },
      },
    ]);
    const hash = await hashModel(path, hasher, { signal: new AbortController().signal });
    if (hash.type !== "hashed") throw new Error(hash.type);
    expect((await listModels({ places: [root] }, hasher)).models[0]?.weightsHash).toBe(hash.sha256);
  });
});
