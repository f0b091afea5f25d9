import {
  Agent,
  applyDiff,
  applyPatchTool,
  codeInterpreterTool,
  fileSearchTool,
  hostedMcpTool,
  imageGenerationTool,
  MemorySession,
  shellTool,
  tool,
  toolNamespace,
  toolSearchTool,
  webSearchTool,
} from "@openai/agents";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { z } from "zod";
import type { Script } from "../scripted/scripted-provider.js";
import type { ScriptedStream } from "../scripted/scripted-stream.js";
import { startTestCoordinator, type TestCoordinator } from "../scripted/test-coordinator.js";
import { AGENTS_APIS, type AgentsTransport, runAgent, startTides } from "./agents-sdk.js";
import { callTools, delta, messagesOf, weatherModel } from "./chat-backend.js";
import { type CheckedFetch, checkedFetch } from "./schema/checked-fetch.js";

let hearth: TestCoordinator;
let checked: CheckedFetch;
/** Where the SDK has sent something, and what each answer said was left out. */
let asked: { readonly origin: string; readonly ignored: string | null }[];

beforeEach(async () => {
  hearth = await startTestCoordinator();
  checked = checkedFetch();
  asked = [];
  // The client that the SDK makes by itself can be given no other.
  vi.stubGlobal("fetch", async (input: string, init?: RequestInit) => {
    const answer = await checked.fetch(input, init);
    asked.push({ origin: new URL(input).origin, ignored: answer.headers.get("x-hearth-ignored") });
    return answer;
  });
});

afterEach(async () => {
  vi.unstubAllGlobals();
  await checked.verify();
  // Nothing is traced at OpenAI.
  for (const { origin } of asked) expect(origin).toBe(hearth.url);
  await hearth.stop();
});

const weather = tool({
  name: "weather",
  description: "The weather in a city.",
  parameters: z.object({ city: z.string() }),
  execute: ({ city }) => `rain in ${city}`,
});

const rolesOf = (stream: ScriptedStream): readonly string[] => messagesOf(stream).map(({ role }) => role);

const toolsOf = (stream: ScriptedStream): readonly string[] =>
  ((stream.body["tools"] ?? []) as readonly { readonly function: { readonly name: string } }[]).map(
    (each) => each.function.name,
  );

/** A model that makes these calls one after the other, and then says what the last one returned. */
function calling(...calls: readonly { readonly name: string; readonly args: object }[]): Script {
  return (s) => {
    const results = messagesOf(s).filter(({ role }) => role === "tool");
    const next = calls[results.length];
    if (next === undefined) return s.answer(`I was told: ${results.at(-1)?.content}`);
    callTools(s, [{ id: `call_${results.length}`, name: next.name, pieces: [JSON.stringify(next.args)] }]);
  };
}

const MODES = AGENTS_APIS.flatMap((api) => [false, true].map((streamed) => ({ api, streamed })));

describe.each(MODES)("by $api, streamed: $streamed", (mode) => {
  const over = (): AgentsTransport => ({ ...mode, url: hearth.url, model: "m" });

  it("an agent calls tools, and the run counts the tokens of both requests", async () => {
    const provider = await hearth.provider((s) => {
      if (rolesOf(s).length === 2) delta(s, { content: "Let me see." });
      weatherModel(s);
    });
    const agent = new Agent({ name: "Forecaster", instructions: "Be brief.", tools: [weather] });
    const run = await runAgent(over(), agent, "The weather?");
    expect(run).toMatchObject({
      output: "rain in Bern and rain in Köln",
      pieces: mode.streamed ? "Let me see.rain in Bern and rain in Köln" : undefined,
      usage: { requests: 2, inputTokens: 6, outputTokens: 4 },
    });
    expect(provider.streams.map(rolesOf)).toEqual([
      ["system", "user"],
      ["system", "user", "assistant", "tool", "tool"],
    ]);
    expect(JSON.stringify(messagesOf(provider.streams[1]!)[2])).toContain("Let me see.");
  });

  it("a session holds what was said and called, for the next run", async () => {
    const provider = await hearth.provider(weatherModel);
    const agent = new Agent({ name: "Forecaster", tools: [weather] });
    const session = new MemorySession();
    await runAgent(over(), agent, "The weather?", { session });
    expect(await runAgent(over(), agent, "Again?", { session })).toMatchObject({
      output: "rain in Bern and rain in Köln",
    });
    const told = messagesOf(provider.streams[2]!);
    expect(rolesOf(provider.streams[2]!)).toEqual(["user", "assistant", "tool", "tool", "assistant", "user"]);
    expect(JSON.stringify(told[4])).toContain("rain in Bern and rain in Köln");
  });

  it("an agent hands over to another, who sees what was said", async () => {
    const provider = await hearth.provider((s) => {
      const [handOver] = toolsOf(s);
      if (handOver === undefined) return s.answer("Ahoy.");
      callTools(s, [{ id: "call_1", name: handOver, pieces: ["{}"] }]);
    });
    const sailor = new Agent({ name: "Sailor", instructions: "You are a sailor." });
    const agent = Agent.create({ name: "Clerk", instructions: "You are a clerk.", handoffs: [sailor] });
    expect(await runAgent(over(), agent, "To sea!")).toMatchObject({ output: "Ahoy.", lastAgent: "Sailor" });
    expect(toolsOf(provider.streams[0]!)).toEqual(["transfer_to_Sailor"]);
    expect(messagesOf(provider.streams[1]!)).toMatchObject([
      { role: "system", content: "You are a sailor." },
      { role: "user", content: "To sea!" },
      { role: "assistant", tool_calls: [{ function: { name: "transfer_to_Sailor" } }] },
      { role: "tool", content: expect.stringContaining("Sailor") },
    ]);
  });

  it("an agent's output has the type that it is to have", async () => {
    const provider = await hearth.provider((s) => s.answer('{"na', 'me":"Bern"}'));
    const outputType = z.object({ name: z.string() });
    const run = await runAgent(over(), new Agent({ name: "Namer", outputType }), "A city?");
    expect(run.output).toEqual({ name: "Bern" });
    expect(provider.streams[0]?.body["response_format"]).toMatchObject({
      type: "json_schema",
      json_schema: { strict: true, schema: { required: ["name"] } },
    });
  });

  it("an agent calls a tool of an MCP server", async () => {
    const provider = await hearth.provider(calling({ name: "high_tide", args: { port: "Brest" } }));
    await using tides = await startTides();
    const agent = new Agent({ name: "Harbour master", mcpServers: [tides.server] });
    const run = await runAgent(over(), agent, "When is the water high?");
    expect(run.output).toBe("I was told: high tide in Brest at 12:34");
    expect(toolsOf(provider.streams[0]!)).toEqual(["high_tide"]);
  });

  it("a tool is called because it must be", async () => {
    const provider = await hearth.provider(weatherModel);
    for (const [toolChoice, told] of [
      ["required", "required"],
      ["weather", { type: "function", function: { name: "weather" } }],
    ] as const) {
      const agent = new Agent({ name: "Forecaster", tools: [weather], modelSettings: { toolChoice } });
      expect(await runAgent(over(), agent, "Hi.")).toMatchObject({ output: "rain in Bern and rain in Köln" });
      expect(provider.streams.at(-2)?.body["tool_choice"]).toEqual(told);
      // The SDK leaves it to the model from then on.
      expect(provider.streams.at(-1)?.body["tool_choice"]).toBeUndefined();
    }
  });

  it("a failure is told, before the answer and in it", async () => {
    const agent = new Agent({ name: "A" });
    const unknown = runAgent({ ...over(), model: "nobody-serves-this" }, agent, "Hi.");
    await expect(unknown).rejects.toMatchObject({ status: 404, code: "model_not_found" });
    await hearth.provider((s) => {
      s.content("half");
      s.error();
    });
    await expect(runAgent(over(), agent, "Hi.")).rejects.toThrow("The provider's backend failed.");
  });
});

describe.each([false, true])("by responses alone, streamed: %s", (streamed) => {
  const over = (): AgentsTransport => ({ api: "responses", streamed, url: hearth.url, model: "m" });

  it("a run goes on where another ended, by the id of its last response", async () => {
    const provider = await hearth.provider(weatherModel);
    const agent = new Agent({ name: "Forecaster", instructions: "Be brief.", tools: [weather] });
    const { lastResponseId } = await runAgent(over(), agent, "The weather?");
    const run = await runAgent(over(), agent, "Again?", { previousResponseId: lastResponseId ?? "" });
    expect(run.output).toBe("rain in Bern and rain in Köln");
    expect(rolesOf(provider.streams[2]!)).toEqual([
      ...["system", "user", "assistant", "tool", "tool"],
      ...["assistant", "user"],
    ]);
  });

  it("a conversation that would be kept at OpenAI is refused with the remedy", async () => {
    const run = runAgent(over(), new Agent({ name: "A" }), "Hi.", { conversationId: "conv_1" });
    await expect(run).rejects.toMatchObject({ status: 400, param: "conversation" });
    await expect(run).rejects.toThrow("go on with 'previous_response_id'");
  });

  it("thoughts come back to the model with the calls that they led to", async () => {
    const provider = await hearth.provider((s) => {
      delta(s, { reasoning_content: "I must look" });
      weatherModel(s);
    });
    const agent = new Agent({
      name: "Forecaster",
      tools: [weather],
      modelSettings: { reasoning: { effort: "low", summary: "auto" }, text: { verbosity: "low" }, store: false },
    });
    await runAgent(over(), agent, "The weather?");
    expect(messagesOf(provider.streams[1]!)[1]).toMatchObject({
      role: "assistant",
      reasoning_content: "I must look",
      tool_calls: [{}, {}],
    });
  });

  it("tools that would run at OpenAI are left out and named, with what was to be told of them", async () => {
    const provider = await hearth.provider(weatherModel);
    const agent = new Agent({
      name: "Forecaster",
      tools: [
        weather,
        webSearchTool({ searchContentTypes: ["image"] }),
        fileSearchTool("files", { includeSearchResults: true }),
        codeInterpreterTool({ includeOutputs: true }),
        imageGenerationTool(),
        hostedMcpTool({ serverLabel: "sea", serverUrl: "https://example.com/mcp" }),
      ],
    });
    expect(await runAgent(over(), agent, "The weather?")).toMatchObject({ output: "rain in Bern and rain in Köln" });
    expect(provider.streams.map(toolsOf)).toEqual([["weather"], ["weather"]]);
    const ignored = "web_search, file_search, code_interpreter, image_generation, mcp";
    expect(asked.map((each) => each.ignored)).toEqual([ignored, ignored]);
  });

  it("commands are run and files edited where the agent is", async () => {
    const files = new Map([["tide.txt", "low\nhigh\n"]]);
    const shell = shellTool({
      shell: {
        run: async ({ commands }) => ({
          output: commands.map((command) => ({
            stdout: `ran ${command}`,
            stderr: "",
            outcome: { type: "exit" as const, exitCode: 3 },
          })),
        }),
      },
    });
    const patch = applyPatchTool({
      editor: {
        createFile: async ({ path, diff }) => void files.set(path, applyDiff("", diff, "create")),
        updateFile: async ({ path, diff }) => void files.set(path, applyDiff(files.get(path) ?? "", diff)),
        deleteFile: async ({ path }) => void files.delete(path),
      },
    });
    const provider = await hearth.provider(
      calling(
        { name: "shell", args: { commands: ["ls"] } },
        { name: "apply_patch", args: { type: "create_file", path: "wind.txt", diff: "+a storm\n" } },
        { name: "apply_patch", args: { type: "update_file", path: "tide.txt", diff: "@@\n low\n-high\n+ebb\n" } },
      ),
    );
    const run = await runAgent(over(), new Agent({ name: "Editor", tools: [shell, patch] }), "Go on.");
    expect(run).toMatchObject({ output: expect.stringContaining("I was told:"), usage: { requests: 4 } });
    expect(messagesOf(provider.streams[1]!).at(-1)).toMatchObject({ role: "tool", content: "ran ls\nexit code 3" });
    expect(Object.fromEntries(files)).toEqual({ "tide.txt": "low\nebb\n", "wind.txt": "a storm" });
    expect(asked.map((each) => each.ignored)).toEqual([null, null, null, null]);
  });

  it("tools of a namespace are called, and one that the agent looks for itself", async () => {
    const provider = await hearth.provider(
      calling(
        { name: "sky__weather", args: { city: "Bern" } },
        { name: "tool_search", args: { paths: ["wind"] } },
        { name: "wind", args: { city: "Brest" } },
      ),
    );
    const wind = tool({
      name: "wind",
      description: "The wind in a city.",
      parameters: z.object({ city: z.string() }),
      deferLoading: true,
      execute: ({ city }) => `a storm in ${city}`,
    });
    const [inSky] = toolNamespace({ name: "sky", description: "The sky.", tools: [weather] });
    const agent = new Agent({
      name: "Forecaster",
      tools: [...(inSky ? [inSky] : []), wind, toolSearchTool({ execution: "client" })],
    });
    expect(await runAgent(over(), agent, "The wind?")).toMatchObject({ output: "I was told: a storm in Brest" });
    expect(provider.streams).toHaveLength(4);
    expect(asked.map((each) => each.ignored)).toEqual([null, null, null, null]);
  });
});
