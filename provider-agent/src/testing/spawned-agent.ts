import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { eventually } from "./eventually.js";

const MAIN = fileURLToPath(new URL("../../dist/main.js", import.meta.url));

/** One line of the agent's log. */
export type LogLine = Readonly<Record<string, unknown>> & { readonly msg: string };

interface OutputPaths {
  readonly stdout?: string;
  readonly stderr?: string;
}

/** The built agent in a process of its own, ended when it is disposed of. */
export class SpawnedAgent implements AsyncDisposable {
  readonly process: ChildProcess;
  /** Everything that it wrote, stdout and stderr. */
  output = "";
  readonly exited: Promise<number | null>;
  readonly dataDir: string = mkdtempSync(join(tmpdir(), "hearth-agent-"));

  /** @param paths the files that its output goes to, as with `>>`; what has none is read */
  constructor(args: readonly string[], env: Readonly<Record<string, string>> = {}, paths: OutputPaths = {}) {
    const [stdout, stderr] = [paths.stdout, paths.stderr].map((path) =>
      path === undefined ? "pipe" : openSync(path, "a"),
    );
    this.process = spawn(process.execPath, [MAIN, ...args], {
      // Whoever runs the tests may have a configuration of their own.
      env: {
        HOME: this.dataDir,
        HEARTH_PROVIDER_TOKEN: "provider-token-0123456789",
        HEARTH_AGENT_DATA_DIR: this.dataDir,
        ...env,
      },
      stdio: ["ignore", stdout, stderr],
    });
    for (const file of [stdout, stderr]) if (typeof file === "number") closeSync(file);
    for (const stream of [this.process.stdout, this.process.stderr]) {
      stream?.on("data", (data) => {
        this.output += String(data);
      });
    }
    this.exited = once(this.process, "close").then(([code]) => code as number | null);
  }

  /** The last log line with this message. */
  logged(message: string): LogLine | undefined {
    const lines = this.output.split("\n").filter((line) => line.startsWith("{") && line.endsWith("}"));
    return lines.map((line) => JSON.parse(line) as LogLine).findLast(({ msg }) => msg === message);
  }

  async log(message: string, timeoutMs = 60_000): Promise<LogLine> {
    await eventually(() => this.logged(message) !== undefined, timeoutMs, `"${message}" in: ${this.output}`);
    return this.logged(message) as LogLine;
  }

  /** Resident memory, bytes; Linux only. */
  get rssBytes(): number {
    const status = readFileSync(`/proc/${this.process.pid}/status`, "utf8");
    return Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1]) * 1024;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.process.kill("SIGKILL");
    await this.exited;
    rmSync(this.dataDir, { recursive: true, force: true });
  }
}
