import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createMCPClient } from "@ai-sdk/mcp";
import { Experimental_StdioMCPTransport as StdioTransport } from "@ai-sdk/mcp/mcp-stdio";
import { createOpenAI } from "@ai-sdk/openai";
import { createOpenAICompatible } from "@ai-sdk/openai-compatible";
import { generateText, stepCountIs, streamText } from "ai";
import { afterAll, describe, expect, it } from "vitest";
import { API_KEY, startTestCoordinator } from "../scripted/test-coordinator.js";
import { messagesOf, playing } from "./chat-backend.js";
import { putTides } from "./mcp-tides.js";
import { calling } from "./rendering-front.js";
import { checkedFetch } from "./schema/checked-fetch.js";

const dir = mkdtempSync(join(tmpdir(), "hearth-tides-"));
afterAll(() => rmSync(dir, { recursive: true }));
const { command, args } = putTides(dir);

const CALLS = [{ name: "high_tide", args: { port: "Brest" } }];

interface Settings {
  readonly apiKey: string;
  readonly baseURL: string;
  readonly fetch: typeof fetch;
}

describe.each([
  { name: "chat of @ai-sdk/openai", modelOf: (settings: Settings) => createOpenAI(settings).chat("m") },
  { name: "responses of @ai-sdk/openai", modelOf: (settings: Settings) => createOpenAI(settings).responses("m") },
  {
    name: "@ai-sdk/openai-compatible",
    modelOf: (settings: Settings) => createOpenAICompatible({ name: "hearth", ...settings })("m"),
  },
])("the AI SDK's MCP client with $name", ({ modelOf }) => {
  it.each(["generate", "stream"])("calls a tool of an MCP server: %s", async (way) => {
    await using hearth = await startTestCoordinator();
    const provider = await hearth.provider(playing(calling(CALLS)));
    const checked = checkedFetch();
    const model = modelOf({ apiKey: API_KEY, baseURL: `${hearth.url}/v1`, fetch: checked.fetch });
    const client = await createMCPClient({ transport: new StdioTransport({ command, args: [...args] }) });
    try {
      const tools = await client.tools();
      const request = { model, maxRetries: 0, prompt: "the tide?", tools, stopWhen: stepCountIs(3) };
      const result = way === "generate" ? await generateText(request) : streamText(request);
      expect(await result.text).toMatch(/^I was told: .*high tide in Brest at 12:34/s);
    } finally {
      await client.close();
    }
    const history = messagesOf(provider.streams.at(-1)!);
    expect(history.map(({ role }) => role)).toEqual(["user", "assistant", "tool"]);
    expect(JSON.stringify(history.at(-1))).toContain("high tide in Brest at 12:34");
    await checked.verify();
  });
});
