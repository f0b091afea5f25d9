import { execFile } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { API_KEY } from "../scripted/test-coordinator.js";
import { SpawnedProcess } from "../system/spawned-process.js";
import { MCP_SERVER } from "./codex.js";

/** The last version that starts on Node 20, with what it needs of its optional dependencies, which are over 1 GB. */
const PACKAGES = ["promptfoo@0.121.20", "@modelcontextprotocol/sdk@1.29.0", `@libsql/${platform()}@0.5.29`];

/** How long npm may take for some 280 MB, each of the two times that it is asked, ms. */
export const INSTALL_MS = 300_000;

/** Slow tests run where they are asked for; they bring what they test from npm. */
export const WANTED: boolean = process.env["HEARTH_SLOW_TESTS"] === "1";

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

  private constructor(root: string) {
    this.#root = root;
    mkdirSync(join(root, "home"));
    writeFileSync(this.#tides, MCP_SERVER);
  }

  /** @throws Error where npm cannot bring it, tried twice */
  static async install(): Promise<Promptfoo> {
    const root = mkdtempSync(join(tmpdir(), "hearth-promptfoo-"));
    writeFileSync(join(root, "package.json"), "{}");
    const install = async (): Promise<unknown> =>
      await promisify(execFile)("npm", ["install", "--no-audit", "--no-fund", "--omit=optional", ...PACKAGES], {
        cwd: root,
        timeout: INSTALL_MS,
      });
    await install().catch(install);
    return new Promptfoo(root);
  }

  /** The `mcp` of a provider's configuration that starts the server of the tides. */
  get tides(): object {
    return { enabled: true, server: { name: "tides", command: process.execPath, args: [this.#tides] } };
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

  get #tides(): string {
    return join(this.#root, "tides.mjs");
  }
}

/** As libsql names its prebuilt parts. */
function platform(): string {
  const { platform, arch } = process;
  if (platform !== "linux") return `${platform}-${arch}`;
  const { header } = process.report.getReport() as { readonly header: { readonly glibcVersionRuntime?: string } };
  return `linux-${arch}-${header.glibcVersionRuntime === undefined ? "musl" : "gnu"}`;
}
