import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { API_KEY } from "../scripted/test-coordinator.js";
import { SpawnedProcess } from "../system/spawned-process.js";
import { type McpCommand, putTides } from "./mcp-tides.js";
import { installWanted } from "./npm-install.js";

/** The last version that starts on Node 20, with what it needs of its optional dependencies, which are over 1 GB. */
const PACKAGES = ["promptfoo@0.121.20", "@modelcontextprotocol/sdk@1.29.0", `@libsql/${platform()}@0.5.29`];

/** What is asked, and what must hold of the answers, as its own configuration has it. */
export interface EvalConfig {
  readonly providers: readonly { readonly id: string; readonly config: object }[];
  readonly prompts: readonly string[];
  readonly tests: readonly object[];
}

/** What became of one prompt with one provider. */
export interface EvalResult {
  readonly success: boolean;
  readonly error?: string;
  readonly response: {
    readonly output: unknown;
    readonly tokenUsage: object;
    readonly metadata: { readonly http: { readonly headers: object } };
  };
}

/** What an evaluation left behind. */
export interface EvalRun {
  /** 0 where everything held that had to. */
  readonly code: number | null;
  readonly results: readonly EvalResult[];
}

/** Promptfoo, installed from npm, with a home of its own. */
export class Promptfoo implements Disposable {
  readonly #root: string;
  readonly #tides: McpCommand;

  private constructor(root: string) {
    this.#root = root;
    mkdirSync(join(root, "home"));
    this.#tides = putTides(root);
  }

  /** @returns `undefined`, with a notice, where it is not wanted or cannot be had */
  static async install(): Promise<Promptfoo | undefined> {
    const root = await installWanted("--omit=optional", ...PACKAGES);
    return root === undefined ? undefined : new Promptfoo(root);
  }

  /** The `mcp` of a provider's configuration that starts the server of the tides. */
  get tides(): object {
    return { enabled: true, server: { name: "tides", ...this.#tides } };
  }

  /** `promptfoo eval`, to its end. */
  async eval(config: EvalConfig): Promise<EvalRun> {
    const configPath = join(this.#root, "home", "config.json");
    const resultsPath = join(this.#root, "home", "results.json");
    rmSync(resultsPath, { force: true });
    writeFileSync(configPath, JSON.stringify(config));
    const args = ["eval", "-c", configPath, "-o", resultsPath, "--no-cache", "--no-write"];
    await using running = new SpawnedProcess({
      name: "promptfoo",
      file: join(this.#root, "node_modules/.bin/promptfoo"),
      args: [...args, "--no-progress-bar"],
      env: {
        HOME: join(this.#root, "home"),
        OPENAI_API_KEY: API_KEY,
        PROMPTFOO_CONFIG_DIR: join(this.#root, "home"),
        // It tells its makers that it is to tell them nothing: that goes to a port where nobody listens.
        HTTPS_PROXY: "http://127.0.0.1:9",
        NO_PROXY: "127.0.0.1",
        PROMPTFOO_DISABLE_TELEMETRY: "1",
        PROMPTFOO_DISABLE_UPDATE: "1",
        PROMPTFOO_DISABLE_REMOTE_GENERATION: "1",
      },
    });
    const { code } = await running.exited;
    const output = running.stdout + running.stderr;
    if (!existsSync(resultsPath)) throw new Error(`promptfoo has written no results:\n${output}`);
    const { results } = JSON.parse(readFileSync(resultsPath, "utf8")) as { readonly results: Omit<EvalRun, "code"> };
    return { code, results: results.results };
  }

  [Symbol.dispose](): void {
    rmSync(this.#root, { recursive: true, force: true });
  }
}

/** As libsql names its prebuilt parts. */
function platform(): string {
  const { platform, arch } = process;
  if (platform !== "linux") return `${platform}-${arch}`;
  const { header } = process.report.getReport() as { readonly header: { readonly glibcVersionRuntime?: string } };
  return `linux-${arch}-${header.glibcVersionRuntime === undefined ? "musl" : "gnu"}`;
}
