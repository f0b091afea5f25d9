import { spawnSync } from "node:child_process";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { API_KEY } from "../scripted/test-coordinator.js";
import { SpawnedProcess } from "../system/spawned-process.js";
import { type McpCommand, putTides } from "./mcp-tides.js";
import { installWanted } from "./npm-install.js";

/** Newer ones may offer other tools: what they offer is taken from them, so that this may be raised freely. */
const CODEX = "@openai/codex@0.171.0";

/** How long Codex may take for its list of models, ms. */
const LIST_MS = 60_000;
const MAX_LIST_BYTES = 64 * 1024 * 1024;

/** What a run of Codex left behind. */
export interface CodexRun {
  readonly code: number | null;
  readonly output: string;
}

/** OpenAI's coding agent, installed from npm, with a home and a folder to work in of its own. */
export class Codex implements Disposable {
  readonly workDir: string;
  readonly #root: string;
  readonly #program: string;
  readonly #tides: McpCommand;

  private constructor(root: string) {
    this.#root = root;
    this.#program = join(root, "node_modules/.bin/codex");
    this.workDir = join(root, "work");
    for (const dir of ["work", "home"]) mkdirSync(join(root, dir));
    this.#tides = putTides(root);
  }

  /** @returns `undefined`, with a notice, where it is not wanted or cannot be had */
  static async install(): Promise<Codex | undefined> {
    const root = await installWanted(CODEX);
    return root === undefined ? undefined : new Codex(root);
  }

  /** @param model what Codex believes to know of the model; absent = nothing, as of any that is not OpenAI's */
  configure(url: string, model: "known" | "unknown"): void {
    const config = [
      ...(model === "known" ? [`model_catalog_json = ${JSON.stringify(this.#catalog())}`] : []),
      'model = "m"',
      'model_provider = "hearth"',
      'approval_policy = "never"',
      'sandbox_mode = "danger-full-access"',
      "check_for_update_on_startup = false",
      "[analytics]",
      "enabled = false",
      "[model_providers.hearth]",
      'name = "Hearth"',
      `base_url = "${url}/v1"`,
      'env_key = "HEARTH_API_KEY"',
      'wire_api = "responses"',
      "[mcp_servers.tides]",
      `command = ${JSON.stringify(this.#tides.command)}`,
      `args = ${JSON.stringify(this.#tides.args)}`,
    ];
    writeFileSync(join(this.#root, "home/config.toml"), config.join("\n"));
  }

  /** One turn, to its end. */
  async run(prompt: string): Promise<CodexRun> {
    await using codex = new SpawnedProcess({
      name: "codex",
      file: this.#program,
      args: ["exec", "--skip-git-repo-check", "-C", this.workDir, prompt],
      env: this.#env,
    });
    const { code } = await codex.exited;
    return { code, output: codex.stdout + codex.stderr };
  }

  [Symbol.dispose](): void {
    rmSync(this.#root, { recursive: true, force: true });
  }

  get #env(): Readonly<Record<string, string>> {
    return { HOME: this.#root, CODEX_HOME: join(this.#root, "home"), HEARTH_API_KEY: API_KEY };
  }

  /** The newest of the models that Codex knows, under the test's own name, without what only OpenAI's servers have. */
  #catalog(): string {
    const env = { PATH: process.env["PATH"], ...this.#env };
    const { stdout } = spawnSync(this.#program, ["debug", "models", "--bundled"], {
      env,
      timeout: LIST_MS,
      maxBuffer: MAX_LIST_BYTES,
    });
    const { models } = JSON.parse(stdout.toString()) as { readonly models: readonly object[] };
    const model = { ...models[0], slug: "m", use_responses_lite: false, tool_mode: null };
    const path = join(this.#root, "models.json");
    writeFileSync(path, JSON.stringify({ models: [model] }));
    return path;
  }
}
