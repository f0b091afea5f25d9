import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import Anthropic from "@anthropic-ai/sdk";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { LlamaServer } from "../../../provider-agent/src/testing/llama-server.js";
import { TestAgent } from "../../../provider-agent/src/testing/test-agent.js";
import { until } from "../scripted/answers.js";
import { API_KEY, PROVIDER_TOKEN, startTestCoordinator, type TestCoordinator } from "../scripted/test-coordinator.js";

const program = process.env["LLAMA_SERVER"];
if (program === undefined) console.warn("NOTICE: LLAMA_SERVER is not set; tests with a real llama-server are skipped.");

const words = (condition: string, count: number): string =>
  `{%- if ${condition} %}{% for _ in range(${count}) %} a{% endfor %}{% endif %}`;

/** What a variable says makes the prompt longer, so that its length tells what the template was told. */
const TELLING = [
  "{%- for message in messages %}<|im_start|>{{ message.role }}\n{{ message.content }}<|im_end|>{%- endfor %}",
  words("enable_thinking is defined and enable_thinking", 50),
  words("thinking is defined and thinking", 100),
  words("thinking is defined and not thinking", 25),
  words("reasoning_effort is defined and reasoning_effort == 'low'", 200),
  words("reasoning_effort is defined and reasoning_effort == 'high'", 400),
  "{%- if add_generation_prompt %}<|im_start|>assistant\n{% endif %}",
].join("\n");

describe.skipIf(program === undefined)("a real llama-server whose template tells what it is told", () => {
  const dir = mkdtempSync(join(tmpdir(), "hearth-thinking-"));
  let server: LlamaServer;
  let hearth: TestCoordinator;

  beforeAll(async () => {
    const template = join(dir, "telling.jinja");
    writeFileSync(template, TELLING);
    hearth = await startTestCoordinator();
    server = await LlamaServer.start(program ?? "", ["--chat-template-file", template]);
  });
  afterAll(async () => {
    await server[Symbol.asyncDispose]();
    await hearth.stop();
    rmSync(dir, { recursive: true });
  });

  it.each([
    { name: "a chat", nativeDialects: [] },
    { name: "Messages", nativeDialects: ["messages"] as const },
  ])("is told what is wished of its thoughts, asked in $name", async ({ nativeDialects }) => {
    let registered = false;
    const onRegistered = (): void => {
      registered = true;
    };
    const coordinator = `${hearth.url.replace("http", "ws")}/ws/provider`;
    const config = { tokenFor: () => PROVIDER_TOKEN, nativeDialects };
    await using _agent = new TestAgent({ coordinators: [coordinator], backend: server.url, config }, { onRegistered });
    await until("the agent is registered", () => registered, 20_000);
    const anthropic = new Anthropic({ apiKey: API_KEY, baseURL: hearth.url, maxRetries: 0 });
    const read = async (more: Partial<Anthropic.MessageCreateParamsNonStreaming>): Promise<number> => {
      const messages = [{ role: "user" as const, content: "hi" }];
      const { usage } = await anthropic.messages.create({ model: "pico", max_tokens: 4, messages, ...more });
      return usage.input_tokens + (usage.cache_read_input_tokens ?? 0);
    };
    const plain = await read({});
    const more = async (wish: Partial<Anthropic.MessageCreateParamsNonStreaming>) => (await read(wish)) - plain;
    // Each word is a token or two.
    const perWord = (await more({ thinking: { type: "disabled" } })) / 25;
    expect(perWord).toBeGreaterThanOrEqual(1);
    expect(await more({ thinking: { type: "enabled", budget_tokens: 1024 } })).toBe(150 * perWord);
    expect(await more({ thinking: { type: "adaptive" } })).toBe(0);
    expect(await more({ output_config: { effort: "low" } })).toBe(200 * perWord);
    expect(await more({ thinking: { type: "adaptive" }, output_config: { effort: "max" } })).toBe(400 * perWord);
  });
});
