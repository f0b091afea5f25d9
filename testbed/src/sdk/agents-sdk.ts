import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { MCPServerStdio, OpenAIProvider, Runner, type Session } from "@openai/agents";
import { API_KEY } from "../scripted/test-coordinator.js";
import { putTides } from "./mcp-tides.js";

type AnyAgent = Parameters<Runner["run"]>[0];

/** The two APIs that the SDK speaks, its own default first. */
export const AGENTS_APIS = ["responses", "chat_completions"] as const;

/** How a run of an agent goes to a server. */
export interface AgentsTransport {
  /** The coordinator's. */
  readonly url: string;
  readonly api: (typeof AGENTS_APIS)[number];
  readonly model: string;
  readonly streamed: boolean;
}

/** What a run left behind. */
export interface AgentsRun {
  readonly output: unknown;
  /** The text that came piece by piece; `undefined` where nothing was streamed. */
  readonly pieces: string | undefined;
  readonly lastResponseId: string | undefined;
  readonly lastAgent: string | undefined;
  readonly usage: { readonly requests: number; readonly inputTokens: number; readonly outputTokens: number };
}

export interface AgentsRunOptions {
  readonly session?: Session;
  readonly previousResponseId?: string;
  readonly conversationId?: string;
  readonly signal?: AbortSignal;
}

/** Runs an agent of OpenAI's Agents SDK, by the client that it makes itself, with nothing sent to anybody else. */
export async function runAgent(
  { url, api, model, streamed }: AgentsTransport,
  agent: AnyAgent,
  input: string,
  options: AgentsRunOptions = {},
): Promise<AgentsRun> {
  const useResponses = api === "responses";
  const modelProvider = new OpenAIProvider({ apiKey: API_KEY, baseURL: `${url}/v1`, useResponses });
  const runner = new Runner({ modelProvider, model, tracingDisabled: true });
  if (!streamed) return left(await runner.run(agent, input, { ...options, stream: false }), undefined);
  const result = await runner.run(agent, input, { ...options, stream: true });
  let pieces = "";
  for await (const event of result) {
    if (event.type === "raw_model_stream_event" && event.data.type === "output_text_delta") pieces += event.data.delta;
  }
  await result.completed;
  return left(result, pieces);
}

interface Result {
  readonly finalOutput?: unknown;
  readonly lastResponseId?: string | undefined;
  readonly lastAgent?: { readonly name: string } | undefined;
  readonly runContext: { readonly usage: AgentsRun["usage"] };
}

function left(result: Result, pieces: string | undefined): AgentsRun {
  const { requests, inputTokens, outputTokens } = result.runContext.usage;
  return {
    output: result.finalOutput,
    pieces,
    lastResponseId: result.lastResponseId,
    lastAgent: result.lastAgent?.name,
    usage: { requests, inputTokens, outputTokens },
  };
}

/** The MCP server of the tides, as the SDK starts it. */
export async function startTides(): Promise<{ readonly server: MCPServerStdio } & AsyncDisposable> {
  const dir = mkdtempSync(join(tmpdir(), "hearth-tides-"));
  const { command, args } = putTides(dir);
  const server = new MCPServerStdio({ name: "tides", command, args: [...args] });
  await server.connect();
  return {
    server,
    async [Symbol.asyncDispose]() {
      await server.close();
      rmSync(dir, { recursive: true, force: true });
    },
  };
}
