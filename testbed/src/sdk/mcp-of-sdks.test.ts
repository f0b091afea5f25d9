import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { API_KEY, startTestCoordinator } from "../scripted/test-coordinator.js";
import { SpawnedProcess } from "../system/spawned-process.js";
import { messagesOf, playing } from "./chat-backend.js";
import { type McpCommand, putTides } from "./mcp-tides.js";
import { installWanted, MAX_INSTALL_MS } from "./npm-install.js";
import { calling } from "./rendering-front.js";

// Libraries that reach MCP servers through MCP's own client, or through what their makers publish beside them.

const root = await installWanted(
  "@modelcontextprotocol/sdk@1.32.2",
  "openai@6.49.0",
  "@anthropic-ai/sdk@1.11.0",
  "@langchain/core@1.4.0",
  "@langchain/openai@1.5.8",
  "langchain@1.5.14",
  "@langchain/langgraph@1.7.3",
  "@langchain/mcp-adapters@1.1.4",
);
afterAll(() => {
  if (root !== undefined) rmSync(root, { recursive: true });
});

const tideModel = playing(calling([{ name: "high_tide", args: { port: "Brest" } }]));

interface Told {
  readonly url: string;
  readonly tides: McpCommand;
}

/** Connects MCP's own client. */
const connect = ({ tides }: Told): string => `
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";
const mcp = new Client({ name: "test", version: "1.0.0" });
await mcp.connect(new StdioClientTransport(${JSON.stringify(tides)}));
const { tools } = await mcp.listTools();
`;

/** Programs as people write them, that print what the model says in the end. */
const PROGRAMS: Readonly<Record<string, (told: Told) => string>> = {
  "OpenAI's SDK": (told) => `
import OpenAI from "openai";
${connect(told)}
const client = new OpenAI({ baseURL: "${told.url}/v1", apiKey: "${API_KEY}", maxRetries: 0 });
const runner = client.chat.completions.runTools({
  model: "m",
  messages: [{ role: "user", content: "the tide?" }],
  tools: tools.map(({ name, description, inputSchema }) => ({
    type: "function",
    function: {
      name,
      description,
      parameters: inputSchema,
      parse: JSON.parse,
      function: async (args) => JSON.stringify((await mcp.callTool({ name, arguments: args })).content),
    },
  })),
});
console.log(await runner.finalContent());
await mcp.close();
`,
  "Anthropic's SDK": (told) => `
import Anthropic from "@anthropic-ai/sdk";
import { mcpTools } from "@anthropic-ai/sdk/helpers/beta/mcp";
${connect(told)}
const client = new Anthropic({ baseURL: "${told.url}", apiKey: "${API_KEY}", maxRetries: 0 });
const message = await client.beta.messages.toolRunner({
  model: "m",
  max_tokens: 1000,
  messages: [{ role: "user", content: "the tide?" }],
  tools: mcpTools(tools, mcp),
});
console.log(message.content.map((block) => block.text ?? "").join(""));
await mcp.close();
`,
  LangChain: ({ url, tides }) => `
import { createAgent } from "langchain";
import { MultiServerMCPClient } from "@langchain/mcp-adapters";
import { ChatOpenAI } from "@langchain/openai";
const servers = new MultiServerMCPClient({ tides: { transport: "stdio", ...${JSON.stringify(tides)} } });
const model = new ChatOpenAI({ model: "m", apiKey: "${API_KEY}", maxRetries: 0, configuration: { baseURL: "${url}/v1" } });
const agent = createAgent({ model, tools: await servers.getTools() });
const { messages } = await agent.invoke({ messages: [{ role: "user", content: "the tide?" }] });
console.log(messages.at(-1).text);
await servers.close();
`,
};

describe.skipIf(root === undefined)("a tool of an MCP server", { timeout: MAX_INSTALL_MS }, () => {
  it.each(Object.keys(PROGRAMS))("is called through Hearth by %s", async (name) => {
    await using hearth = await startTestCoordinator();
    const provider = await hearth.provider(tideModel);
    const dir = root as string;
    const file = join(dir, `${name.replace(/\W/g, "")}.mjs`);
    writeFileSync(file, PROGRAMS[name]?.({ url: hearth.url, tides: putTides(dir) }) ?? "");
    await using program = new SpawnedProcess({ name, file: process.execPath, args: [file], env: { HOME: dir } });
    const { code } = await program.exited;
    expect({ code, output: program.stdout + program.stderr }).toEqual({
      code: 0,
      output: expect.stringMatching(/^I was told: .*high tide in Brest at 12:34/s),
    });
    const history = messagesOf(provider.streams.at(-1)!);
    expect(history.map(({ role }) => role)).toEqual(["user", "assistant", "tool"]);
  });
});
