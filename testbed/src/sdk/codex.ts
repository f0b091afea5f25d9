import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { API_KEY } from "../scripted/test-coordinator.js";
import { SpawnedProcess } from "../system/spawned-process.js";

/** Newer ones may offer other tools: what they offer is taken from them, so that this may be raised freely. */
const CODEX = "@openai/codex@0.171.0";

/** How long npm may take for some 400 MB, and Codex for its list of models, ms. */
const INSTALL_MS = 300_000;
const LIST_MS = 60_000;
const MAX_LIST_BYTES = 64 * 1024 * 1024;

/** Slow tests run where they are asked for; they bring what they test from npm. */
const WANTED = process.env["HEARTH_SLOW_TESTS"] === "1";

/** An MCP server of one tool, as its protocol has it: JSON lines on stdin and stdout. */
export const MCP_SERVER = `
import { createInterface } from "node:readline";
const send = (message) => process.stdout.write(JSON.stringify({ jsonrpc: "2.0", ...message }) + "\\n");
const tool = {
  name: "high_tide",
  description: "When the water is high",
  inputSchema: { type: "object", properties: { port: { type: "string" } }, required: ["port"] },
};
createInterface({ input: process.stdin }).on("line", (line) => {
  const { id, method, params } = JSON.parse(line);
  if (id === undefined) return;
  if (method === "initialize") {
    const { protocolVersion } = params;
    const serverInfo = { name: "tides", version: "1.0.0" };
    return send({ id, result: { protocolVersion, capabilities: { tools: {} }, serverInfo } });
  }
  if (method === "tools/list") return send({ id, result: { tools: [tool] } });
  if (method === "tools/call") {
    const text = "high tide in " + params.arguments.port + " at 12:34";
    return send({ id, result: { content: [{ type: "text", text }] } });
  }
  send({ id, result: {} });
});
`;

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

  private constructor(root: string) {
    this.#root = root;
    this.#program = join(root, "node_modules/.bin/codex");
    this.workDir = join(root, "work");
    for (const dir of ["work", "home"]) mkdirSync(join(root, dir));
    writeFileSync(join(root, "tides.mjs"), MCP_SERVER);
  }

  /** @returns `undefined`, with a notice, where it is not wanted or npm cannot bring it */
  static install(): Codex | undefined {
    if (!WANTED) return absent("HEARTH_SLOW_TESTS is not 1");
    const root = mkdtempSync(join(tmpdir(), "hearth-codex-"));
    writeFileSync(join(root, "package.json"), "{}");
    const npm = spawnSync("npm", ["install", "--no-audit", "--no-fund", CODEX], { cwd: root, timeout: INSTALL_MS });
    if (npm.status === 0) return new Codex(root);
    rmSync(root, { recursive: true, force: true });
    return absent(`npm could not install ${CODEX}`);
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
      `command = ${JSON.stringify(process.execPath)}`,
      `args = [${JSON.stringify(join(this.#root, "tides.mjs"))}]`,
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

function absent(why: string): undefined {
  console.warn(`NOTICE: ${why}; the tests with Codex itself are skipped.`);
}
