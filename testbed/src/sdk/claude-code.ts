import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { API_KEY } from "../scripted/test-coordinator.js";
import { SpawnedProcess } from "../system/spawned-process.js";
import { putTides } from "./mcp-tides.js";
import { installWanted } from "./npm-install.js";

/** Newer ones may send other things: this may be raised freely. */
const CLAUDE_CODE = "@anthropic-ai/claude-code@2.1.197";

/** What a run of Claude Code left behind. */
export interface ClaudeCodeRun {
  readonly code: number | null;
  readonly output: string;
}

/** Anthropic's coding agent, installed from npm, with a home and a folder to work in of its own. */
export class ClaudeCode implements Disposable {
  readonly #root: string;

  private constructor(root: string) {
    this.#root = root;
    for (const dir of ["work", "home"]) mkdirSync(join(root, dir));
    writeFileSync(join(root, "mcp.json"), JSON.stringify({ mcpServers: { tides: putTides(root) } }));
  }

  /** @returns `undefined`, with a notice, where it is not wanted or cannot be had */
  static async install(): Promise<ClaudeCode | undefined> {
    const root = await installWanted("--ignore-scripts", CLAUDE_CODE);
    return root === undefined ? undefined : new ClaudeCode(root);
  }

  /** One prompt, to its end. */
  async run(url: string, model: string, prompt: string): Promise<ClaudeCodeRun> {
    await using claude = new SpawnedProcess({
      name: "claude-code",
      file: this.#program,
      args: [
        ...["--model", model, "--strict-mcp-config", "--mcp-config", join(this.#root, "mcp.json")],
        ...["--add-dir", join(this.#root, "work"), "--allowedTools", "Bash", "mcp__tides__high_tide"],
        ...["--print", prompt],
      ],
      env: {
        HOME: join(this.#root, "home"),
        ANTHROPIC_BASE_URL: url,
        ANTHROPIC_AUTH_TOKEN: API_KEY,
        CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: "1",
        DISABLE_AUTOUPDATER: "1",
      },
    });
    const { code } = await claude.exited;
    return { code, output: claude.stdout + claude.stderr };
  }

  [Symbol.dispose](): void {
    rmSync(this.#root, { recursive: true, force: true });
  }

  /** The package of the platform has it whole; the one around it would copy it when it is installed. */
  get #program(): string {
    return join(this.#root, `node_modules/@anthropic-ai/claude-code-${process.platform}-${process.arch}/claude`);
  }
}
