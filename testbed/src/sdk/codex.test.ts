import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeEach, describe, expect, it } from "vitest";
import type { Script } from "../scripted/scripted-provider.js";
import type { ScriptedStream } from "../scripted/scripted-stream.js";
import { startTestCoordinator, type TestCoordinator } from "../scripted/test-coordinator.js";
import { callTools, delta, messagesOf } from "./chat-backend.js";
import { Codex } from "./codex.js";

const codex = await Codex.install();
afterAll(() => codex?.[Symbol.dispose]());

interface Call {
  readonly name: string;
  readonly args: object;
}

/** A model that thinks, calls these one after the other, and then says what the last one returned. */
function calling(...calls: readonly Call[]): Script {
  return (s) => {
    const results = messagesOf(s).filter((message) => message.role === "tool");
    const next = calls[results.length];
    if (next === undefined) return s.answer(`I was told: ${results.at(-1)?.content}`);
    s.role();
    delta(s, { reasoning_content: "let me see" });
    const text = JSON.stringify(next.args);
    const pieces = [text.slice(0, 9), text.slice(9)];
    callTools(s, [{ id: `call_${results.length}`, name: next.name, pieces }]);
  };
}

/** What a conversation holds of tasks for sub-agents, and of results of calls. */
function heardIn(s: ScriptedStream): { readonly tasks: number; readonly results: number } {
  const messages = messagesOf(s);
  const isTask = ({ content }: { readonly content: unknown }): boolean => String(content).includes("NEW_TASK");
  return { tasks: messages.filter(isTask).length, results: messages.filter(({ role }) => role === "tool").length };
}

describe.skipIf(codex === undefined)("Codex, unchanged", { timeout: 120_000 }, () => {
  let hearth: TestCoordinator;

  beforeEach(async () => {
    hearth = await startTestCoordinator();
  });
  afterEach(() => hearth.stop());

  /** One turn. @returns the names of the tools that the model was offered in the last request, too */
  async function turn(model: "known" | "unknown", ...calls: readonly Call[]) {
    const provider = await hearth.provider(calling(...calls));
    codex?.configure(hearth.url, model);
    const run = await codex?.run("Go on.");
    expect(run).toMatchObject({ code: 0 });
    const tools = provider.streams.at(-1)?.body["tools"] as readonly { readonly function: { readonly name: string } }[];
    expect(provider.streams).toHaveLength(calls.length + 1);
    return { output: run?.output ?? "", tools: tools.map((tool) => tool.function.name) };
  }

  it("runs a command", async () => {
    const { output } = await turn("unknown", { name: "exec_command", args: { cmd: "echo forty-$((40 + 2))" } });
    expect(output).toMatch(/I was told: .*forty-42/s);
  });

  it("calls a tool of an MCP server", async () => {
    const { output } = await turn("unknown", { name: "mcp__tides__high_tide", args: { port: "Brest" } });
    expect(output).toMatch(/I was told: .*high tide in Brest at 12:34/s);
  });

  it("sets a sub-agent to work, and hears what became of it", async () => {
    const provider = await hearth.provider((s) => {
      const { tasks, results } = heardIn(s);
      if (tasks > 0) return s.answer("The tide is high.");
      const args = { task_name: "sub", message: "Look at the sea.", fork_turns: "none" };
      if (results === 0)
        return callTools(s, [{ id: "c0", name: "collaboration__spawn_agent", pieces: [JSON.stringify(args)] }]);
      if (results === 1)
        return callTools(s, [{ id: "c1", name: "collaboration__wait_agent", pieces: ['{"timeout_ms":20000}'] }]);
      return s.answer("Done.");
    });
    codex?.configure(hearth.url, "known");
    expect(await codex?.run("Go on.")).toMatchObject({ code: 0, output: expect.stringContaining("Done.") });
    const said = provider.streams.map((stream) => JSON.stringify(stream.body["messages"]));
    expect(said.some((text) => text.includes("Look at the sea.") && text.includes("NEW_TASK"))).toBe(true);
    expect(said.at(-1)).toContain("The tide is high.");
  });

  it("edits a file by a patch that is no JSON", async () => {
    const input = '*** Begin Patch\n*** Add File: new.txt\n+Grüße, "Welt"\n*** End Patch\n';
    const { tools } = await turn("known", { name: "apply_patch", args: { input } });
    expect(tools).toContain("apply_patch");
    const path = join(codex?.workDir ?? "", "new.txt");
    expect(existsSync(path) && readFileSync(path, "utf8")).toBe('Grüße, "Welt"\n');
  });

  it("searches for a tool, and calls what it found", async () => {
    const { output, tools } = await turn(
      "known",
      { name: "tool_search", args: { query: "high tide" } },
      { name: "mcp__tides__high_tide", args: { port: "Brest" } },
    );
    expect(tools).toContain("mcp__tides__high_tide");
    expect(output).toMatch(/I was told: .*high tide in Brest at 12:34/s);
  });
});
