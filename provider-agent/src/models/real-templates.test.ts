import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { systemClock } from "../platform/clock.js";
import { DEFAULT_TEMPLATE } from "./chat-template.js";
import { checkTemplates, type TemplateCheck } from "./template-check.js";
import type { TemplateHost } from "./template-fixtures.js";

const root = fileURLToPath(new URL("../../..", import.meta.url));
const folder = join(
  process.env["HEARTH_REFERENCE_DIR"] ?? join(root, "../shared/reference"),
  "chat-templates/llama.cpp",
);
const present = existsSync(folder);
// biome-ignore lint/suspicious/noConsole: whoever reads the run must see that a suite was skipped
if (!present) console.warn(`Skipping real chat templates: none in ${folder} (set HEARTH_REFERENCE_DIR).`);

const SIGNAL = new AbortController().signal;

function check(file: string, host: TemplateHost): Promise<TemplateCheck> {
  const name = file.endsWith("-tool_use") ? "tool_use" : DEFAULT_TEMPLATE;
  const template = { name, origin: file, source: readFileSync(join(folder, `${file}.jinja`), "utf8") };
  const options = { host, vision: false, clock: systemClock, limitMs: 20_000 };
  return checkTemplates({ templates: [template], specialTokens: {}, problems: [] }, options, SIGNAL);
}

/** One line a template: whether it works, or what stopped it first; then what it can express. */
function describeCheck({ renders, supports, templates }: TemplateCheck): string {
  const able = Object.entries(supports).flatMap(([feature, value]) => (value ? [feature] : []));
  const findings = templates[0]?.findings;
  const fixtures = findings?.type === "compiled" ? findings.fixtures : [];
  const fatal = fixtures.find(({ counts, outcome }) => counts && outcome.type === "failed");
  const why =
    fatal?.outcome.type === "failed" ? ` ${fatal.fixture} line ${fatal.outcome.line}: ${fatal.outcome.message}` : "";
  return `${renders}${why}${able.length === 0 ? "" : ` [${able.join(" ")}]`}`;
}

/**
 * The renderer's limits are among the reasons: a real llama-server (0.7.0) renders Seed-OSS (integer keys), Hermes (an
 * undefined key looked up), Functionary 3.1 (a filter on tools that are absent) and 3.2 (tuples unpacked). It has no use
 * for Command R+ with tools either, and does not start with FireFunction, which wants variables that nobody gives it.
 */
const EXPECTED: Readonly<Record<string, string>> = {
  "ByteDance-Seed-OSS": "undefined",
  "CohereForAI-c4ai-command-r-plus-tool_use": "undefined",
  "CohereForAI-c4ai-command-r7b-12-2024-tool_use": "true [system tools parallel_tools]",
  "Mistral-Small-3.2-24B-Instruct-2506": "true [system tools parallel_tools]",
  "NVIDIA-Nemotron-Nano-v2": "true [system tools parallel_tools]",
  "NousResearch-Hermes-2-Pro-Llama-3-8B-tool_use": "undefined",
  "NousResearch-Hermes-3-Llama-3.1-8B-tool_use": "undefined",
  "Qwen-QwQ-32B": "true [system tools parallel_tools]",
  "Qwen-Qwen2.5-7B-Instruct": "true [system tools parallel_tools]",
  "Qwen-Qwen3-0.6B": "true [system tools parallel_tools]",
  "deepseek-ai-DeepSeek-R1-Distill-Llama-8B": "true [system]",
  "deepseek-ai-DeepSeek-R1-Distill-Qwen-32B": "true [system]",
  "deepseek-ai-DeepSeek-V3.1": "true [system]",
  "fireworks-ai-llama-3-firefunction-v2": "false chat line 21: Cannot perform operation + on undefined values",
  "google-gemma-2-2b-it": "true",
  "ibm-granite-granite-3.3-2B-Instruct": "true [system tools]",
  "llama-cpp-deepseek-r1": "true [system tools]",
  "llama-cpp-rwkv-world": "true [system]",
  "meetkai-functionary-medium-v3.1": "undefined [tools]",
  "meetkai-functionary-medium-v3.2": "undefined [system]",
  "meta-llama-Llama-3.1-8B-Instruct": "true [system tools]",
  "meta-llama-Llama-3.2-3B-Instruct": "true [system tools]",
  "meta-llama-Llama-3.3-70B-Instruct": "true [system tools]",
  "microsoft-Phi-3.5-mini-instruct": "true [system]",
  "mistralai-Mistral-Nemo-Instruct-2407": "true [system tools parallel_tools]",
  "moonshotai-Kimi-K2": "true [system tools parallel_tools]",
  "openai-gpt-oss-120b": "true [system tools]",
  "unsloth-mistral-Devstral-Small-2507": "true [system tools parallel_tools]",
};

describe.skipIf(!present)("chat templates of real models", () => {
  it("has an expectation for each", () => {
    const names = readdirSync(folder).flatMap((file) => (file.endsWith(".jinja") ? [file.slice(0, -6)] : []));
    expect(names.sort()).toEqual(Object.keys(EXPECTED).sort());
  });

  it.each(Object.entries(EXPECTED))("%s: %s", async (name, expected) => {
    expect(describeCheck(await check(name, "transformers"))).toBe(expected);
  });
});
