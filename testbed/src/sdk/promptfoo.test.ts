import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Script } from "../scripted/scripted-provider.js";
import { startTestCoordinator } from "../scripted/test-coordinator.js";
import { type BehindLlamaServer, program, startBehindLlamaServer } from "./behind-llama-server.test-set-up.js";
import { callTools, messagesOf } from "./chat-backend.js";
import { Promptfoo } from "./promptfoo.js";

const CITY = { type: "object", properties: { city: { type: "string" } }, required: ["city"] };
const WEATHER = { name: "get_weather", description: "Get the weather in a city", parameters: CITY };
const RESPONSE_FORMAT = { type: "json_schema", json_schema: { name: "city", strict: true, schema: CITY } };

/** A provider of promptfoo's with the tool as its API has it. */
const CHAT = { id: "openai:chat:", tools: [{ type: "function", function: WEATHER }] };
const RESPONSES = { id: "openai:responses:", tools: [{ type: "function", ...WEATHER }] };
const BOTH = [CHAT, RESPONSES];

/** What it calls by itself, as it takes it: the text of a function. */
const functionToolCallbacks = { [WEATHER.name]: '(args) => "rain in " + JSON.parse(args).city' };

const contains = (value: string): object => ({ type: "contains", value });
const equals = (value: string): object => ({ type: "equals", value });

/** A model that asks for the tide where it can, else for the weather, and otherwise says something. */
const model: Script = (s) => {
  const offered = JSON.stringify(s.body["tools"] ?? []);
  if (offered.includes("high_tide")) callTools(s, [{ id: "call_1", name: "high_tide", pieces: ['{"port":"Brest"}'] }]);
  else if (offered.includes(WEATHER.name))
    callTools(s, [{ id: "call_1", name: WEATHER.name, pieces: ['{"city":', '"Bern"}'] }]);
  else s.answer('{"city":', '"Bern"}');
};

const REMOVE_MS = 300_000;

const promptfoo = await Promptfoo.install();
// Some 30,000 files go with it.
afterAll(() => promptfoo?.[Symbol.dispose](), REMOVE_MS);

describe.skipIf(promptfoo === undefined)("promptfoo, unchanged", { timeout: 120_000 }, () => {
  /** Asks one provider one thing. @returns what came, where all held that had to */
  async function evaluate(id: string, config: object, prompt: string, ...assert: readonly object[]) {
    const run = await promptfoo?.eval({
      providers: [{ id, config: { temperature: 0, ...config } }],
      prompts: [prompt],
      tests: [{ vars: { city: "Paris", port: "Brest" }, assert }],
    });
    expect(run).toMatchObject({ code: 0, results: [{ success: true }] });
    return run?.results[0]?.response;
  }

  describe("with a scripted provider", () => {
    async function ask(id: string, config: object, ...assert: readonly object[]) {
      await using hearth = await startTestCoordinator();
      const provider = await hearth.provider(model);
      const apiBaseUrl = `${hearth.url}/v1`;
      const response = await evaluate(`${id}m`, { apiBaseUrl, ...config }, "The weather in {{city}}?", ...assert);
      expect(response?.tokenUsage).toMatchObject({ total: 5, prompt: 3, completion: 2 });
      expect(messagesOf(provider.streams[0]!)).toEqual([{ role: "user", content: "The weather in Paris?" }]);
      return response;
    }

    it("finds the calls of a chat to be valid", async () => {
      await ask(CHAT.id, { tools: CHAT.tools }, { type: "is-valid-openai-tools-call" }, contains("Bern"));
    });

    it("finds the calls of a response", async () => {
      await ask(RESPONSES.id, { tools: RESPONSES.tools }, contains('"function_call"'), contains("Bern"));
    });

    it.each(BOTH)("calls what a model called with $id", async ({ id, tools }) => {
      await ask(id, { tools, functionToolCallbacks }, equals("rain in Bern"));
    });

    it.each(BOTH)("finds an answer to have its schema with $id", async ({ id }) => {
      await ask(id, { response_format: RESPONSE_FORMAT }, { type: "is-json", value: CITY }, contains("Bern"));
    });

    it("calls a tool of an MCP server", async () => {
      await ask(CHAT.id, { mcp: promptfoo?.tides }, contains("high tide in Brest at 12:34"));
    });

    it("hears that an MCP server which OpenAI would call is left out", async () => {
      const server = { type: "mcp", server_label: "sea", server_url: "https://example.com/mcp" };
      const response = await ask(RESPONSES.id, { tools: [server] }, contains("Bern"));
      expect(response?.metadata.http.headers).toMatchObject({ "x-hearth-ignored": "mcp" });
    });
  });

  describe.skipIf(program === undefined)("with a real llama-server", () => {
    let behind: BehindLlamaServer;
    beforeAll(async () => {
      behind = await startBehindLlamaServer();
    });
    afterAll(() => behind?.[Symbol.asyncDispose]());

    it.each(BOTH)("calls what a model called with $id", async ({ id, tools }) => {
      const config = { apiBaseUrl: `${behind.hearth.url}/v1`, tools, functionToolCallbacks };
      await evaluate(`${id}pico`, config, "What is the weather in {{city}}?", equals("rain in Paris"));
    });

    it("calls a tool of an MCP server", async () => {
      // It is too small to call a tool by itself that it was not made for.
      const config = { apiBaseUrl: `${behind.hearth.url}/v1`, mcp: promptfoo?.tides, tool_choice: "required" };
      const prompt = "When is the high tide in {{port}}?";
      await evaluate(`${CHAT.id}pico`, config, prompt, contains("high tide in Brest at 12:34"));
    });
  });
});
