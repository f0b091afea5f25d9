import { existsSync } from "node:fs";
import { afterAll, describe, expect, it } from "vitest";
import { startTestCoordinator } from "../scripted/test-coordinator.js";
import { program } from "./behind-llama-server.test-set-up.js";
import { startBehindTemplate } from "./behind-template.test-set-up.js";
import { messagesOf, playing } from "./chat-backend.js";
import { noticeWithoutTemplates, TEMPLATES } from "./chat-templates.js";
import { ClaudeCode } from "./claude-code.js";
import { calling } from "./rendering-front.js";

const claude = await ClaudeCode.install();
afterAll(() => claude?.[Symbol.dispose]());

noticeWithoutTemplates();

const CALLS = [
  { name: "Bash", args: { command: "echo forty-$((40 + 2))", description: "Counts" } },
  { name: "mcp__tides__high_tide", args: { port: "Brest" } },
];

const TOLD = /I was told: .*forty-42.*high tide in Brest at 12:34/s;

describe.skipIf(claude === undefined)("Claude Code, unchanged", { timeout: 120_000 }, () => {
  it("runs a command and a tool of an MCP server", async () => {
    await using hearth = await startTestCoordinator();
    const provider = await hearth.provider(playing(calling(CALLS)));
    const run = await claude?.run(hearth.url, "m", "Go on.");
    expect(run).toMatchObject({ code: 0, output: expect.stringMatching(TOLD) });
    expect(provider.streams).toHaveLength(CALLS.length + 1);
    const [first, ...others] = messagesOf(provider.streams[0]!);
    expect(first?.role).toBe("system");
    expect(JSON.stringify(first)).not.toContain("billing");
    expect(others.map(({ role }) => role)).toEqual(["user"]);
  });

  describe.skipIf(program === undefined).each(TEMPLATES)("on a llama-server with a template $name", ({ template }) => {
    it.skipIf(template !== undefined && !existsSync(template))("does so, too", async () => {
      await using world = await startBehindTemplate(template, calling(CALLS));
      const run = await claude?.run(world.hearth.url, "pico", "Go on.");
      const { prompts, refusals } = world.front;
      // What it refuses once is put to it otherwise, and from then on at first.
      const distinct = [...new Set(refusals)];
      expect({ ...run, refusals }).toEqual({ code: 0, output: expect.stringMatching(TOLD), refusals: distinct });
      expect(prompts.filter((prompt) => prompt.includes("Go on."))).toHaveLength(CALLS.length + 1);
      expect(prompts.at(-1)).toMatch(/forty-42.*high tide in Brest at 12:34/s);
    });
  });
});
