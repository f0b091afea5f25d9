import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { eventually } from "./eventually.js";

const MAIN = fileURLToPath(new URL("../../dist/main.js", import.meta.url));

/** How a command ended, and what it said. */
export interface CliResult {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

type Env = Readonly<Record<string, string>>;

/** A command that runs, and takes what is typed. */
export class RunningCli {
  readonly process: ChildProcess;
  stdout = "";
  stderr = "";
  readonly ended: Promise<CliResult>;

  constructor(child: ChildProcess) {
    this.process = child;
    child.stdout?.on("data", (data) => {
      this.stdout += String(data);
    });
    child.stderr?.on("data", (data) => {
      this.stderr += String(data);
    });
    this.ended = once(child, "close").then(([code]) => ({
      code: code as number | null,
      stdout: this.stdout,
      stderr: this.stderr,
    }));
  }

  /** Waits until it has said this, from `after` on. @returns where it ends */
  async says(text: string, after = 0): Promise<number> {
    const all = (): string => this.stdout + this.stderr;
    await eventually(() => all().includes(text, after), 20_000, `"${text}" in: ${all()}`);
    return all().indexOf(text, after) + text.length;
  }

  type(keys: string): void {
    this.process.stdin?.write(keys);
  }
}

/** A person's home directory, and the built program run in it. All that it started is ended when it is disposed of. */
export class CliHome implements AsyncDisposable {
  readonly path: string = mkdtempSync(join(tmpdir(), "hearth-home-"));
  readonly #running = new Set<RunningCli>();

  get configPath(): string {
    return join(this.path, ".config", "hearth-agent", "config.toml");
  }

  get dataDir(): string {
    return join(this.path, ".hearth-agent");
  }

  get config(): string {
    return readFileSync(this.configPath, "utf8");
  }

  set config(text: string) {
    mkdirSync(dirname(this.configPath), { recursive: true });
    writeFileSync(this.configPath, text, { mode: 0o600 });
  }

  /** @param input its standard input */
  async run(args: readonly string[], env: Env = {}, input?: string): Promise<CliResult> {
    const cli = this.start(args, env);
    cli.process.stdin?.end(input);
    return cli.ended;
  }

  start(args: readonly string[], env: Env = {}): RunningCli {
    return this.#spawn(process.execPath, [MAIN, ...args], env);
  }

  /** The same in a pseudo terminal: util-linux's script(1). */
  startInTerminal(args: readonly string[], env: Env = {}): RunningCli {
    const quoted = [process.execPath, MAIN, ...args].map((word) => `'${word.replaceAll("'", "'\\''")}'`);
    const command = `stty cols 100 rows 40; exec ${quoted.join(" ")}`;
    return this.#spawn("script", ["-qec", command, "/dev/null"], { TERM: "xterm-256color", ...env });
  }

  /** @returns the document that it printed */
  async json(args: readonly string[], env: Env = {}): Promise<unknown> {
    const { stdout, stderr, code } = await this.run([...args, "--json"], env);
    if (stdout === "") throw new Error(`exit code ${code}: ${stderr}`);
    return JSON.parse(stdout);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { process } of this.#running) process.kill("SIGKILL");
    await Promise.all([...this.#running].map(({ ended }) => ended));
    rmSync(this.path, { recursive: true, force: true });
  }

  #spawn(program: string, args: readonly string[], env: Env): RunningCli {
    const base = { HOME: this.path, PATH: "/usr/local/bin:/usr/bin:/bin", SHELL: "/bin/sh" };
    const child = spawn(program, [...args], { env: { ...base, ...env }, stdio: ["pipe", "pipe", "pipe"] });
    // A command that ends early takes no more.
    child.stdin.on("error", () => {});
    const cli = new RunningCli(child);
    this.#running.add(cli);
    void cli.ended.then(() => this.#running.delete(cli));
    return cli;
  }
}
