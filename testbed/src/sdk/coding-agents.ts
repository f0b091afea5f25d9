import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { API_KEY } from "../scripted/test-coordinator.js";
import { SpawnedProcess } from "../system/spawned-process.js";
import { type McpCommand, putTides } from "./mcp-tides.js";
import { installWanted } from "./npm-install.js";
import type { Call } from "./rendering-front.js";

/** What an agent is to work with. */
export interface Workplace {
  /** Base URL of the API. */
  readonly url: string;
  readonly model: string;
  /** An MCP server. */
  readonly tides: McpCommand;
  /** The folder that its packages are installed in. */
  readonly root: string;
}

/** A coding agent as people install it, with no more than its own settings for a server with OpenAI's API and MCP. */
export interface CodingAgent {
  /** Newer ones may send other things: this may be raised freely. */
  readonly packages: readonly string[];
  readonly program: string;
  args(prompt: string, model: string): readonly string[];
  /** How its model runs a command and asks the MCP server, one after the other. */
  readonly calls: readonly Call[];
  /** Settings by their paths in its home. */
  settings(workplace: Workplace): Readonly<Record<string, string>>;
}

const COMMAND = { command: "echo forty-$((40 + 2))", description: "Counts" };
const PORT = { port: "Brest" };
const LIMITS = { context: 100_000, output: 4_000 };

/** Tools of MCP servers are not offered before the model has searched for them. Newer ones want Node 22. */
const qwenCode: CodingAgent = {
  packages: ["@qwen-code/qwen-code@0.15.10"],
  program: "qwen",
  args: (prompt) => ["--yolo", "-p", prompt],
  calls: [
    { name: "run_shell_command", args: { ...COMMAND, is_background: false } },
    { name: "tool_search", args: { query: "high tide" } },
    { name: "mcp__tides__high_tide", args: PORT },
  ],
  settings: ({ tides }) => ({
    ".qwen/settings.json": JSON.stringify({
      mcpServers: { tides },
      privacy: { usageStatisticsEnabled: false },
      general: { enableAutoUpdate: false },
    }),
  }),
};

const opencode: CodingAgent = {
  packages: ["opencode-ai@1.18.33"],
  program: "opencode",
  args: (prompt) => ["run", prompt],
  calls: [
    { name: "bash", args: COMMAND },
    { name: "tides_high_tide", args: PORT },
  ],
  settings: ({ url, model, tides }) => ({
    ".config/opencode/opencode.json": JSON.stringify({
      autoupdate: false,
      provider: {
        hearth: {
          npm: "@ai-sdk/openai-compatible",
          options: { baseURL: url, apiKey: API_KEY },
          models: { [model]: { name: model, limit: LIMITS } },
        },
      },
      model: `hearth/${model}`,
      small_model: `hearth/${model}`,
      mcp: { tides: { type: "local", command: [tides.command, ...tides.args] } },
    }),
  }),
};

/** It has no MCP itself; its users have an extension that offers all servers as one tool. Newer ones want Node 22. */
const pi: CodingAgent = {
  packages: ["@earendil-works/pi-coding-agent@0.74.2", "pi-mcp-adapter@2.11.0"],
  program: "pi",
  args: (prompt, model) => ["--provider", "hearth", "--model", model, "-p", prompt],
  calls: [
    { name: "bash", args: { command: COMMAND.command } },
    { name: "mcp", args: { search: "tide" } },
    { name: "mcp", args: { tool: "tides_high_tide", args: JSON.stringify(PORT) } },
  ],
  settings: ({ url: baseUrl, model, tides, root }) => ({
    ".pi/agent/models.json": JSON.stringify({
      providers: {
        hearth: {
          baseUrl,
          apiKey: API_KEY,
          api: "openai-completions",
          models: [
            { id: model, name: model, input: ["text"], contextWindow: LIMITS.context, maxTokens: LIMITS.output },
          ],
        },
      },
    }),
    ".pi/agent/settings.json": JSON.stringify({ packages: [join(root, "node_modules/pi-mcp-adapter")] }),
    ".pi/agent/mcp.json": JSON.stringify({ mcpServers: { tides } }),
  }),
};

const continueCli: CodingAgent = {
  packages: ["@continuedev/cli@1.5.47"],
  program: "cn",
  args: (prompt) => ["-p", prompt, "--auto", "--config", "./config.yaml"],
  calls: [
    { name: "Bash", args: { command: COMMAND.command } },
    { name: "high_tide", args: PORT },
  ],
  settings: ({ url, model, tides }) => ({
    // YAML is a superset of JSON.
    "config.yaml": JSON.stringify({
      name: "hearth",
      version: "0.0.1",
      schema: "v1",
      models: [
        {
          name: model,
          provider: "openai",
          model,
          apiBase: url,
          apiKey: API_KEY,
          capabilities: ["tool_use"],
          roles: ["chat"],
        },
      ],
      mcpServers: [{ name: "tides", ...tides }],
    }),
  }),
};

export const CODING_AGENTS: Readonly<Record<string, CodingAgent>> = {
  "qwen-code": qwenCode,
  opencode,
  pi,
  continue: continueCli,
};

/** What a run of an agent left behind. */
export interface AgentRun {
  readonly code: number | null;
  readonly output: string;
}

/** An agent that npm has brought. */
export class InstalledAgent implements Disposable {
  readonly #agent: CodingAgent;
  readonly #root: string;
  #runs = 0;

  private constructor(agent: CodingAgent, root: string) {
    this.#agent = agent;
    this.#root = root;
  }

  /** @returns `undefined`, with a notice, where it is not wanted or cannot be had */
  static async install(agent: CodingAgent): Promise<InstalledAgent | undefined> {
    const root = await installWanted(...agent.packages);
    return root === undefined ? undefined : new InstalledAgent(agent, root);
  }

  /** One prompt, to its end, in a home of its own. */
  async run(origin: string, model: string, prompt: string): Promise<AgentRun> {
    const { program, args, settings } = this.#agent;
    const home = join(this.#root, `home-${this.#runs++}`);
    mkdirSync(home);
    const url = `${origin}/v1`;
    const workplace = { url, model, tides: putTides(home), root: this.#root };
    for (const [path, text] of Object.entries(settings(workplace))) {
      mkdirSync(dirname(join(home, path)), { recursive: true });
      writeFileSync(join(home, path), text);
    }
    const file = join(this.#root, "node_modules/.bin", program);
    await using running = new SpawnedProcess({
      name: program,
      file: "/bin/sh",
      // In its home: most work where they are started.
      args: ["-c", 'cd "$HOME" && exec "$@"', "sh", file, ...args(prompt, model)],
      env: {
        HOME: home,
        XDG_CONFIG_HOME: join(home, ".config"),
        // It would ask the internet for them.
        OPENCODE_DISABLE_MODELS_FETCH: "1",
        OPENAI_API_KEY: API_KEY,
        OPENAI_BASE_URL: url,
        OPENAI_MODEL: model,
      },
    });
    const { code } = await running.exited;
    return { code, output: running.stdout + running.stderr };
  }

  [Symbol.dispose](): void {
    rmSync(this.#root, { recursive: true, force: true });
  }
}
