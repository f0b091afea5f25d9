import { describe, expect, it } from "vitest";
import { OpenAiBackend } from "../backends/openai-backend.js";
import { systemClock } from "../platform/clock.js";
import { LlamaServer } from "../testing/llama-server.js";
import { ScriptedBackend } from "../testing/scripted-backend.js";
import { confirmWithServer } from "./confirm-with-server.js";
import { checkTemplates, type TemplateCheck } from "./template-check.js";

const { signal } = new AbortController();
const PROGRAM = process.env["LLAMA_SERVER"];

function check(source: string, vision = false): Promise<TemplateCheck> {
  const templates = [{ name: "default", origin: "test", source }];
  const options = { host: "llama_cpp", vision, clock: systemClock, limitMs: 20_000 } as const;
  return checkTemplates({ templates, specialTokens: {}, problems: [] }, options, signal);
}

/** Python and llama.cpp render it, our renderer knows no keys but texts. */
const BEYOND_US = "{% set d = {1: 'x'} %}{{ tools }}{% for m in messages %}{{ m.content }}{% endfor %}";

/** A llama-server with one model, that gives these statuses one after another when asked for renderings. */
async function confirmAgainst(statuses: readonly number[], found: TemplateCheck): Promise<boolean | undefined> {
  let asked = 0;
  await using server = await ScriptedBackend.start({
    models: [{ id: "m", owned_by: "llamacpp" }],
    pages: {
      "GET /props": { body: { total_slots: 1, model_path: "/m.gguf" } },
      "POST /v1/chat/completions": { status: 400, body: {} },
      "POST /apply-template": () => ({ status: statuses[asked++] ?? 200, body: {} }),
    },
    scripted: [],
  });
  return await confirmAt(server.url, "m", found);
}

async function confirmAt(
  baseUrl: string,
  model: string,
  found: TemplateCheck,
  beforeAsking: () => Promise<void> = async () => {},
): Promise<boolean | undefined> {
  const backend = new OpenAiBackend({ baseUrl, models: [] });
  try {
    const status = await backend.probe(signal);
    const renders = status.type === "reachable" ? status.sources.get(model)?.renderer?.ask : undefined;
    if (renders === undefined) throw new Error("The server cannot be asked.");
    await beforeAsking();
    return await confirmWithServer(renders, systemClock)(found, signal);
  } finally {
    await backend.stop();
  }
}

describe("the second opinion of a llama-server", () => {
  it.skipIf(!PROGRAM)(
    "tells of a real one that it renders what our renderer did not, and is none when it is gone",
    async () => {
      await using server = await LlamaServer.start(PROGRAM ?? "");
      const found = await check(BEYOND_US);
      expect(found.renders).toBe(false);
      expect(await confirmAt(server.url, "pico", found)).toBe(true);
      expect(await confirmAt(server.url, "pico", await check("{% if"))).toBe(true);
      expect(await confirmAt(server.url, "pico", found, () => server[Symbol.asyncDispose]())).toBeUndefined();
    },
  );

  it("takes one failure of the server's for an answer, and no answer for none", async () => {
    const found = await check(BEYOND_US);
    expect(await confirmAgainst([], found)).toBe(true);
    expect(await confirmAgainst([200, 500], found)).toBe(false);
    expect(await confirmAgainst([404], found)).toBeUndefined();
    expect(await confirmAgainst([200, 503], found)).toBeUndefined();
  });

  it("asks nothing when nothing failed, and cannot ask about pictures", async () => {
    expect(await confirmAgainst([], await check("{{ messages[0].content }}"))).toBeUndefined();
    const noPictures =
      "{% for m in messages %}{{ m.content | trim }}{% if m.content is not string or '<__' in m.content %}{{ 'x' | no_such }}{% endif %}{% endfor %}";
    const found = await check(noPictures, true);
    expect(found.renders).toBe(false);
    expect(await confirmAgainst([], found)).toBeUndefined();
  });
});
