import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, it } from "vitest";
import { API_KEY, startTestCoordinator } from "../scripted/test-coordinator.js";
import { SpawnedProcess } from "../system/spawned-process.js";
import { callTools, messagesOf } from "./chat-backend.js";
import { installed } from "./installed.test-set-up.js";

// Coding agents as people install them, each with no more than its own settings for a server with OpenAI's API.

const RUN_MS = 120_000;

interface CodingAgent {
  /** Newer ones may send other things: this may be raised freely. */
  readonly npm: string;
  readonly program: string;
  readonly args: readonly string[];
  /** Settings by their paths in its home, given the base URL of the API. */
  settings(url: string): Readonly<Record<string, string>>;
}

const AGENTS: Readonly<Record<string, CodingAgent>> = {
  "qwen-code": {
    npm: "@qwen-code/qwen-code@0.15.10",
    program: "qwen",
    args: ["--yolo", "-p", "Make a file."],
    settings: () => ({}),
  },
  opencode: {
    npm: "opencode-ai@1.18.33",
    program: "opencode",
    args: ["run", "Make a file."],
    settings: (baseURL) => ({
      ".config/opencode/opencode.json": JSON.stringify({
        autoupdate: false,
        provider: {
          hearth: {
            npm: "@ai-sdk/openai-compatible",
            options: { baseURL, apiKey: API_KEY },
            models: { m: { name: "m", limit: { context: 100_000, output: 4_000 } } },
          },
        },
        model: "hearth/m",
        small_model: "hearth/m",
      }),
    }),
  },
  pi: {
    npm: "@mariozechner/pi-coding-agent@0.73.1",
    program: "pi",
    args: ["--provider", "hearth", "--model", "m", "-p", "Make a file."],
    settings: (baseUrl) => ({
      ".pi/agent/models.json": JSON.stringify({
        providers: {
          hearth: {
            baseUrl,
            apiKey: API_KEY,
            api: "openai-completions",
            models: [{ id: "m", name: "m", input: ["text"], contextWindow: 100_000, maxTokens: 4_000 }],
          },
        },
      }),
    }),
  },
  continue: {
    npm: "@continuedev/cli@1.5.47",
    program: "cn",
    args: ["-p", "Make a file.", "--auto", "--config", "./config.yaml"],
    settings: (apiBase) => ({
      "config.yaml": [
        ...["name: hearth", "version: 0.0.1", "schema: v1", "models:"],
        ...["  - name: m", "    provider: openai", "    model: m", `    apiBase: ${apiBase}`, `    apiKey: ${API_KEY}`],
        ...["    capabilities: [tool_use]", "    roles: [chat]"],
      ].join("\n"),
    }),
  },
};

/** The tool by which an agent runs commands, whatever it calls it. */
function shellOf(body: Readonly<Record<string, unknown>>): string | undefined {
  const tools = (body["tools"] ?? []) as readonly { readonly function: { readonly name: string } }[];
  return tools.map((each) => each.function.name).find((name) => /shell|bash|command/i.test(name));
}

describe.each(Object.entries(AGENTS))("%s, unchanged", (_name, agent) => {
  const root = installed(agent.npm);

  it.skipIf(root === undefined)(
    "runs a command, and says what the model says then",
    async () => {
      await using hearth = await startTestCoordinator();
      const provider = await hearth.provider((s) => {
        const shell = messagesOf(s).some(({ role }) => role === "tool") ? undefined : shellOf(s.body);
        if (shell === undefined) return s.answer("It is ", "made.");
        const args = { command: "echo hello > made.txt", description: "Makes it", is_background: false };
        callTools(s, [{ id: "call_1", name: shell, pieces: [JSON.stringify(args)] }]);
      });
      const home = join(root ?? "", "home");
      for (const [path, text] of Object.entries({ ".keep": "", ...agent.settings(`${hearth.url}/v1`) })) {
        mkdirSync(dirname(join(home, path)), { recursive: true });
        writeFileSync(join(home, path), text);
      }
      await using running = new SpawnedProcess({
        name: agent.program,
        file: "/bin/sh",
        // In its home: most work where they are started.
        args: [
          "-c",
          'cd "$HOME" && exec "$@"',
          "sh",
          join(root ?? "", "node_modules/.bin", agent.program),
          ...agent.args,
        ],
        env: {
          HOME: home,
          XDG_CONFIG_HOME: join(home, ".config"),
          OPENAI_API_KEY: API_KEY,
          OPENAI_BASE_URL: `${hearth.url}/v1`,
          OPENAI_MODEL: "m",
        },
      });
      const { code } = await running.exited;
      expect({ code, output: running.stdout + running.stderr }).toEqual({
        code: 0,
        output: expect.stringContaining("It is made."),
      });
      const made = join(home, "made.txt");
      expect(existsSync(made) && readFileSync(made, "utf8")).toBe("hello\n");
      expect(messagesOf(provider.streams.at(-1)!).map(({ role }) => role)).toContain("tool");
    },
    RUN_MS,
  );
});
