import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { LlamaServer } from "../../../provider-agent/src/testing/llama-server.js";
import { TestAgent } from "../../../provider-agent/src/testing/test-agent.js";
import { until } from "../scripted/answers.js";
import { PROVIDER_TOKEN, startTestCoordinator } from "../scripted/test-coordinator.js";
import { callTools, messagesOf } from "./chat-backend.js";
import { GUARDED, MISTRAL_NEMO, noticeWithoutTemplates, QWEN_3 } from "./chat-templates.js";
import { ClaudeCode } from "./claude-code.js";
import { type AskedMessage, type NextTurn, RenderingFront } from "./rendering-front.js";

const claude = await ClaudeCode.install();
afterAll(() => claude?.[Symbol.dispose]());

const program = process.env["LLAMA_SERVER"];
if (program === undefined) console.warn("NOTICE: LLAMA_SERVER is not set; tests with a real llama-server are skipped.");
noticeWithoutTemplates();

const CALLS = [
  { name: "Bash", args: { command: "echo forty-$((40 + 2))", description: "Counts" } },
  { name: "mcp__tides__high_tide", args: { port: "Brest" } },
];

/** A model that runs a command, asks an MCP server, and then says what both returned. */
function nextTurn(messages: readonly AskedMessage[]): NextTurn {
  const results = messages.filter(({ role }) => role === "tool");
  return CALLS[results.length] ?? `I was told: ${results.map(({ content }) => content).join("; ")}`;
}

const TOLD = /I was told: .*forty-42.*high tide in Brest at 12:34/s;

describe.skipIf(claude === undefined)("Claude Code, unchanged", { timeout: 120_000 }, () => {
  it("runs a command and a tool of an MCP server", async () => {
    await using hearth = await startTestCoordinator();
    const provider = await hearth.provider((s) => {
      const next = nextTurn(messagesOf(s));
      if (typeof next === "string") return s.answer(next);
      callTools(s, [{ id: `call_${messagesOf(s).length}`, name: next.name, pieces: [JSON.stringify(next.args)] }]);
    });
    const run = await claude?.run(hearth.url, "m", "Go on.");
    expect(run).toMatchObject({ code: 0, output: expect.stringMatching(TOLD) });
    expect(provider.streams).toHaveLength(CALLS.length + 1);
    const [first, ...others] = messagesOf(provider.streams[0]!);
    expect(first?.role).toBe("system");
    expect(JSON.stringify(first)).not.toContain("billing");
    expect(others.map(({ role }) => role)).toEqual(["user"]);
  });

  describe.skipIf(program === undefined).each([
    { name: "with a guard", template: undefined },
    { name: "of Mistral Nemo", template: MISTRAL_NEMO },
    { name: "of Qwen 3", template: QWEN_3 },
  ])("on a llama-server with a template $name", ({ template }) => {
    it.skipIf(template !== undefined && !existsSync(template))("does so, too", async () => {
      const dir = mkdtempSync(join(tmpdir(), "hearth-claude-template-"));
      const guarded = join(dir, "guarded.jinja");
      writeFileSync(guarded, GUARDED);
      await using server = await LlamaServer.start(program ?? "", ["--chat-template-file", template ?? guarded]);
      rmSync(dir, { recursive: true });
      await using hearth = await startTestCoordinator();
      await using front = await RenderingFront.start(server.origin, nextTurn);
      let registered = false;
      const onRegistered = (): void => {
        registered = true;
      };
      const coordinators = [`${hearth.url.replace("http", "ws")}/ws/provider`];
      const config = { tokenFor: () => PROVIDER_TOKEN };
      await using _agent = new TestAgent({ coordinators, backend: front.url, config }, { onRegistered });
      await until("the agent is registered", () => registered, 20_000);
      const run = await claude?.run(hearth.url, "pico", "Go on.");
      expect(run).toMatchObject({ code: 0, output: expect.stringMatching(TOLD) });
      expect(front.prompts.filter((prompt) => prompt.includes("Go on."))).toHaveLength(CALLS.length + 1);
    });
  });
});
