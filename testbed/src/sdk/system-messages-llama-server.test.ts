import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import Anthropic from "@anthropic-ai/sdk";
import OpenAI from "openai";
import { afterAll, describe, expect, it } from "vitest";
import { LlamaServer } from "../../../provider-agent/src/testing/llama-server.js";
import { TestAgent } from "../../../provider-agent/src/testing/test-agent.js";
import { until } from "../scripted/answers.js";
import { API_KEY, PROVIDER_TOKEN, startTestCoordinator } from "../scripted/test-coordinator.js";
import { GUARDED, MISTRAL_NEMO, noticeWithoutTemplates, QWEN_3 } from "./chat-templates.js";

const program = process.env["LLAMA_SERVER"];
if (program === undefined) console.warn("NOTICE: LLAMA_SERVER is not set; tests with a real llama-server are skipped.");

const dir = mkdtempSync(join(tmpdir(), "hearth-templates-"));
afterAll(() => rmSync(dir, { recursive: true }));
const guarded = join(dir, "guarded.jinja");
writeFileSync(guarded, GUARDED);

noticeWithoutTemplates();

type Dialects = readonly ("responses" | "messages")[];

/** An SDK of each dialect before a coordinator, an agent and a llama-server with this template. */
class World implements AsyncDisposable {
  readonly anthropic: Anthropic;
  readonly openai: OpenAI;
  readonly #parts: readonly AsyncDisposable[];

  private constructor(url: string, parts: readonly AsyncDisposable[]) {
    this.#parts = parts;
    this.anthropic = new Anthropic({ apiKey: API_KEY, baseURL: url, maxRetries: 0 });
    this.openai = new OpenAI({ apiKey: API_KEY, baseURL: `${url}/v1`, maxRetries: 0 });
  }

  static async start(template: string, nativeDialects: Dialects): Promise<World> {
    const hearth = await startTestCoordinator();
    const server = await LlamaServer.start(program ?? "", ["--chat-template-file", template]);
    let registered = false;
    const onRegistered = (): void => {
      registered = true;
    };
    const coordinator = `${hearth.url.replace("http", "ws")}/ws/provider`;
    const config = { tokenFor: () => PROVIDER_TOKEN, nativeDialects };
    const agent = new TestAgent({ coordinators: [coordinator], backend: server.url, config }, { onRegistered });
    await until("the agent is registered", () => registered, 20_000);
    return new World(hearth.url, [agent, server, hearth]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const part of this.#parts) await part[Symbol.asyncDispose]();
  }
}

const hi = { role: "user" as const, content: "hi" };
const skills = "These skills are available: x";
/** Templates of Mistral's take ids of nine letters or digits. */
const callId = "abcdefgh1";

/** What Claude Code sends in a turn with a tool, and when its user breaks in. */
const asClaudeCode: Anthropic.Beta.BetaMessageParam[] = [
  hi,
  { role: "system", content: skills },
  { role: "assistant", content: [{ type: "tool_use", id: callId, name: "f", input: {} }] },
  {
    role: "user",
    content: [
      { type: "tool_result", tool_use_id: callId, content: "ok" },
      { type: "text", text: "[Request interrupted by user]" },
    ],
  },
  { role: "user", content: "go on" },
];

describe.skipIf(program === undefined).each([
  { name: "with a guard", template: guarded },
  { name: "of Mistral Nemo", template: MISTRAL_NEMO },
  { name: "of Qwen 3", template: QWEN_3 },
])("a llama-server with a template $name", ({ template }) => {
  describe.skipIf(!existsSync(template)).each<{ name: string; native: Dialects }>([
    { name: "a chat", native: [] },
    { name: "its own dialects", native: ["messages", "responses"] },
  ])("that is asked in $name", ({ native }) => {
    it("takes what the system says in mid-conversation, and what it says twice at the head", async () => {
      await using world = await World.start(template, native);
      const { anthropic, openai } = world;
      const params = { model: "pico", max_tokens: 8, system: "You are a coding agent." };
      for (const messages of [[hi, { role: "system" as const, content: skills }], asClaudeCode]) {
        expect(await anthropic.beta.messages.create({ ...params, messages })).toMatchObject({ type: "message" });
      }
      const developer = { role: "developer" as const, content: skills };
      for (const input of [
        [developer, hi],
        [hi, developer],
      ]) {
        const response = await openai.responses.create({
          model: "pico",
          max_output_tokens: 8,
          instructions: "You are a coding agent.",
          input,
        });
        expect(response).toMatchObject({ object: "response", error: null });
        const messages = [{ role: "system" as const, content: "You are a coding agent." }, ...input];
        const chat = await openai.chat.completions.create({ model: "pico", max_tokens: 8, messages });
        expect(chat.usage?.prompt_tokens).toBeGreaterThan(0);
      }
    });
  });
});
