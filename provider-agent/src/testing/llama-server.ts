import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { freePort } from "../backends/owned/llama-process.js";
import { eventually } from "./eventually.js";

export const PICO: string = fileURLToPath(new URL("../../models/pico/pico.gguf", import.meta.url));

/** A real llama-server with the tiny model. */
export class LlamaServer implements AsyncDisposable {
  readonly url: string;
  readonly process: ChildProcess;
  readonly #origin: string;

  private constructor(child: ChildProcess, port: number) {
    this.process = child;
    this.#origin = `http://127.0.0.1:${port}`;
    this.url = `${this.#origin}/v1`;
  }

  /** @param program its path. @param more arguments. @throws Error when it ends before it serves */
  static async start(program: string, more: readonly string[] = []): Promise<LlamaServer> {
    const port = await freePort();
    const args = ["-m", PICO, "--alias", "pico", "-t", "1", "--jinja", "-np", "2", "-c", "8192"];
    // A group of its own: the program may be a script around the server.
    const child = spawn(program, [...args, ...more, "--host", "127.0.0.1", "--port", String(port)], {
      stdio: "ignore",
      detached: true,
    });
    const server = new LlamaServer(child, port);
    const hasEnded = (): boolean => child.exitCode !== null || child.signalCode !== null;
    await eventually(async () => hasEnded() || (await server.#answers("/health")), 20_000, "llama-server");
    if (hasEnded()) throw new Error("llama-server does not start");
    return server;
  }

  get origin(): string {
    return this.#origin;
  }

  /** How many of its slots are at work. */
  async busySlots(): Promise<number> {
    const response = await fetch(`${this.#origin}/slots`);
    const slots = (await response.json()) as readonly { readonly is_processing: boolean }[];
    return slots.filter((slot) => slot.is_processing).length;
  }

  kill(): void {
    try {
      process.kill(-(this.process.pid ?? 0), "SIGKILL");
    } catch {
      // It has ended already.
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const running = this.process.exitCode === null && this.process.signalCode === null;
    const exited = running ? once(this.process, "exit") : undefined;
    this.kill();
    await exited;
  }

  async #answers(path: string): Promise<boolean> {
    try {
      return (await fetch(this.#origin + path)).ok;
    } catch {
      return false;
    }
  }
}
