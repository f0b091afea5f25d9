import { existsSync } from "node:fs";
import { Agent, MemorySession, tool } from "@openai/agents";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { z } from "zod";
import { AGENTS_APIS, type AgentsTransport, runAgent, startTides } from "./agents-sdk.js";
import { type BehindLlamaServer, program, startBehindLlamaServer } from "./behind-llama-server.test-set-up.js";
import { startBehindTemplate } from "./behind-template.test-set-up.js";
import { noticeWithoutTemplates, TEMPLATES } from "./chat-templates.js";
import { NativeFront } from "./native-front.js";
import type { AskedChat, NextTurn } from "./rendering-front.js";

noticeWithoutTemplates();

const MODES = AGENTS_APIS.flatMap((api) => [false, true].map((streamed) => ({ api, streamed })));

const weather = tool({
  name: "get_weather",
  description: "Get the weather in a city",
  parameters: z.object({ city: z.string() }),
  execute: ({ city }) => `rain in ${city}`,
});

describe.skipIf(program === undefined).each([
  { native: [], words: "in chat completions" },
  { native: ["responses"] as const, words: "in responses, too" },
])("a real llama-server that is asked $words", ({ native }) => {
  let behind: BehindLlamaServer;
  let front: NativeFront;

  beforeAll(async () => {
    behind = await startBehindLlamaServer({
      nativeDialects: native,
      front: async (origin) => {
        front = await NativeFront.start(origin, "pico");
        return front;
      },
    });
  });
  afterAll(() => behind[Symbol.asyncDispose]());
  beforeEach(() => void front.requests.splice(0));

  // What is to be kept is translated everywhere.
  const settings = { temperature: 0, maxTokens: 200, store: false };

  describe.each(MODES)("by $api, streamed: $streamed", (mode) => {
    const over = (): AgentsTransport => ({ ...mode, url: behind.hearth.url, model: "pico" });
    const isNative = mode.api === "responses" && native.length > 0;
    const path = isNative ? "/v1/responses" : "/v1/chat/completions";

    it("calls a tool, and says what it returned", async () => {
      const agent = new Agent({ name: "Forecaster", tools: [weather], modelSettings: settings });
      const run = await runAgent(over(), agent, "What is the weather in Paris?");
      expect(run).toMatchObject({ output: "rain in Paris", usage: { requests: 2 } });
      expect(front.requests.map((request) => request.path)).toEqual([path, path]);
    });

    it("calls a tool of an MCP server, and says what it returned", async () => {
      await using tides = await startTides();
      // It is too small to call a tool by itself that it was not made for.
      const modelSettings = { ...settings, toolChoice: "required" as const };
      const agent = new Agent({ name: "Harbour master", mcpServers: [tides.server], modelSettings });
      const run = await runAgent(over(), agent, "When is the high tide in Brest?");
      expect(run).toMatchObject({ output: "high tide in Brest at 12:34", usage: { requests: 2 } });
      expect(front.requests.map((request) => request.path)).toEqual([path, path]);
    });
  });
});

/** A model that calls the tool once after each question, and then says what it returned. */
function nextTurn({ messages }: AskedChat): NextTurn {
  const last = messages.at(-1);
  if (last?.role !== "tool") return { name: "get_weather", args: { city: "Paris" } };
  return `I was told: ${last.content}`;
}

describe.skipIf(program === undefined).each(TEMPLATES)("a real llama-server with a template $name", ({ template }) => {
  it.skipIf(template !== undefined && !existsSync(template))("renders what a session holds", async () => {
    await using behind = await startBehindTemplate(template, nextTurn);
    for (const mode of MODES) {
      const over: AgentsTransport = { ...mode, url: behind.hearth.url, model: "pico" };
      const agent = new Agent({ name: "Forecaster", instructions: "Be brief.", tools: [weather] });
      const session = new MemorySession();
      for (const question of ["The weather?", "And now?"]) {
        const run = await runAgent(over, agent, question, { session });
        expect(run.output).toBe("I was told: rain in Paris");
      }
      const prompts = behind.front.prompts.splice(0);
      expect(prompts.filter((prompt) => prompt.includes("The weather?"))).toHaveLength(4);
      expect(prompts.at(-1)).toMatch(
        /The weather\?.*rain in Paris.*I was told: rain in Paris.*And now\?.*rain in Paris/s,
      );
    }
  });
});
