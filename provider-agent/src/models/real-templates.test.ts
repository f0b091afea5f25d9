import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { OpenAiBackend } from "../backends/openai-backend.js";
import { systemClock } from "../platform/clock.js";
import { LlamaServer } from "../testing/llama-server.js";
import { askServer } from "./ask-server.js";
import { DEFAULT_TEMPLATE } from "./chat-template.js";
import { checkTemplates, type TemplateCheck } from "./template-check.js";
import type { TemplateHost } from "./template-fixtures.js";

const root = fileURLToPath(new URL("../../..", import.meta.url));
const folder = join(process.env["HEARTH_REFERENCE_DIR"] ?? join(root, ".cache/reference"), "chat-templates/llama.cpp");
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

const yesNo = (known: boolean | undefined): string => (known === undefined ? "-" : known ? "yes" : "no");

const NO_START = "does not start";

/** One line a template: the three of ours, what stopped it first, and what it can express. */
function describeCheck({ renders, supports, templates, needsStringTypes, systemAnywhere }: TemplateCheck): string {
  const able = Object.entries(supports).flatMap(([feature, value]) => (value ? [feature] : []));
  const findings = templates[0]?.findings;
  const fixtures = findings?.type === "compiled" ? findings.fixtures : [];
  const stop = fixtures.find(({ counts, outcome }) => counts && ["failed", "unsupported"].includes(outcome.type));
  const why =
    stop && "line" in stop.outcome ? ` ${stop.fixture} line ${stop.outcome.line}: ${stop.outcome.message}` : "";
  return `${yesNo(renders)} ${yesNo(needsStringTypes)} ${yesNo(systemAnywhere)}${why}${able.length === 0 ? "" : ` [${able.join(" ")}]`}`;
}

/**
 * Ours: renders, needs string types, takes system messages anywhere, and why where it does not render; then what it can
 * express. Then the same three of a real llama-server (b11669), and `no tools` where it refuses them or leaves them out.
 * Ours suspects only the one with which that does not start, and where both know something they agree.
 */
const EXPECTED: Readonly<Record<string, readonly [ours: string, server: string]>> = {
  "ByteDance-Seed-OSS": ["- - - chat line 15: Object keys must be strings: got IntegerValue", "yes yes yes"],
  "CohereForAI-c4ai-command-r-plus-tool_use": [
    "- - - tools_offered line 10: Cannot access property with non-string: got UndefinedValue",
    "yes yes yes",
  ],
  "CohereForAI-c4ai-command-r7b-12-2024-tool_use": ["yes no yes [system tools parallel_tools]", "yes no yes"],
  "Mistral-Small-3.2-24B-Instruct-2506": ["yes no no [system tools parallel_tools]", "yes no no"],
  "NVIDIA-Nemotron-Nano-v2": ["yes no no [system tools parallel_tools]", "yes no no"],
  "NousResearch-Hermes-2-Pro-Llama-3-8B-tool_use": [
    "- - - tools_offered line 9: Cannot access property with non-string: got UndefinedValue",
    "yes yes yes",
  ],
  "NousResearch-Hermes-3-Llama-3.1-8B-tool_use": [
    "- - - tools_offered line 9: Cannot access property with non-string: got UndefinedValue",
    "yes yes yes",
  ],
  "Qwen-QwQ-32B": ["yes no yes [system tools parallel_tools]", "yes no yes"],
  "Qwen-Qwen2.5-7B-Instruct": ["yes no yes [system tools parallel_tools]", "yes no yes"],
  "Qwen-Qwen3-0.6B": ["yes no yes [system tools parallel_tools]", "yes no yes"],
  "deepseek-ai-DeepSeek-R1-Distill-Llama-8B": ["yes - no [system]", "yes no no no tools"],
  "deepseek-ai-DeepSeek-R1-Distill-Qwen-32B": ["yes - no [system]", "yes no no no tools"],
  "deepseek-ai-DeepSeek-V3.1": ["yes - yes [system]", "yes no yes no tools"],
  "fireworks-ai-llama-3-firefunction-v2": [
    "no - - chat line 21: Cannot perform operation + on undefined values",
    NO_START,
  ],
  "google-gemma-2-2b-it": ["yes - no", "yes no no no tools"],
  "ibm-granite-granite-3.3-2B-Instruct": ["yes no yes [system tools]", "yes no yes"],
  "llama-cpp-deepseek-r1": ["yes no no [system tools]", "yes no no"],
  "llama-cpp-rwkv-world": ["yes - no [system]", "yes no no no tools"],
  "meetkai-functionary-medium-v3.1": [
    '- no - chat line 5: Cannot apply filter "selectattr" to type: NullValue [tools]',
    "yes no yes",
  ],
  "meetkai-functionary-medium-v3.2": [
    "- - yes tools_offered line 90: Cannot unpack non-iterable type: TupleValue [system]",
    "yes no yes",
  ],
  "meta-llama-Llama-3.1-8B-Instruct": ["yes no yes [system tools]", "yes no yes"],
  "meta-llama-Llama-3.2-3B-Instruct": ["yes no yes [system tools]", "yes no yes"],
  "meta-llama-Llama-3.3-70B-Instruct": ["yes no yes [system tools]", "yes no yes"],
  "microsoft-Phi-3.5-mini-instruct": ["yes - yes [system]", "yes no yes no tools"],
  "mistralai-Mistral-Nemo-Instruct-2407": ["yes no no [system tools parallel_tools]", "yes no no"],
  "moonshotai-Kimi-K2": ["yes no yes [system tools parallel_tools]", "yes no yes"],
  "openai-gpt-oss-120b": ["yes no no [system tools]", "yes no no"],
  "unsloth-mistral-Devstral-Small-2507": ["yes no yes [system tools parallel_tools]", "yes no yes"],
};

const CASES = Object.entries(EXPECTED);

describe.skipIf(!present)("chat templates of real models", () => {
  it("has an expectation for each", () => {
    const names = readdirSync(folder).flatMap((file) => (file.endsWith(".jinja") ? [file.slice(0, -6)] : []));
    expect(names.sort()).toEqual(Object.keys(EXPECTED).sort());
  });

  it.each(CASES)("%s in our renderer", async (name, [ours]) => {
    expect(describeCheck(await check(name, "llama_cpp"))).toBe(ours);
  });
});

const PROGRAM = process.env["LLAMA_SERVER"];

/** What a llama-server that uses the template says of it. */
async function askedOf(name: string): Promise<string> {
  const template = ["--chat-template-file", join(folder, `${name}.jinja`)];
  const server = await LlamaServer.start(PROGRAM ?? "", template).catch(() => undefined);
  if (server === undefined) return NO_START;
  await using _ = server;
  const backend = new OpenAiBackend({ baseUrl: server.url, models: [] });
  try {
    const status = await backend.probe(SIGNAL);
    const renderer = status.type === "reachable" ? status.sources.get("pico")?.renderer : undefined;
    if (renderer === undefined) return "cannot be asked";
    const word = await askServer(renderer.ask, systemClock, SIGNAL);
    const known = [word.renders, word.needsStringTypes, word.systemAnywhere].map(yesNo).join(" ");
    return `${known}${word.tools === false ? " no tools" : ""}${word.complete ? "" : " incomplete"}`;
  } finally {
    await backend.stop();
  }
}

describe.skipIf(!present || PROGRAM === undefined)("a real llama-server with the template of a real model", () => {
  it.each(CASES)("says of %s what it is", { timeout: 60_000 }, async (name, [, server]) => {
    expect(await askedOf(name)).toBe(server);
  });
});
