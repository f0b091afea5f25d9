import { freePort } from "../bench/free-port.js";
import { eventually } from "./eventually.js";
import { PICO } from "./spawned-hearth.js";
import { SpawnedProcess } from "./spawned-process.js";

/** Path of a real llama-server; `npm test` finds one and sets it. */
export const LLAMA_SERVER: string | undefined = process.env["LLAMA_SERVER"] || undefined;

/** Says visibly what is not tested here. */
export function noticeWithoutLlamaServer(): void {
  if (LLAMA_SERVER === undefined) {
    console.warn("NOTICE: no LLAMA_SERVER in the environment; tests against a real llama-server are skipped.");
  }
}

interface LlamaSlot {
  readonly is_processing: boolean;
}

/** A real llama-server with the tiny model. */
export class LlamaServer implements AsyncDisposable {
  readonly #process: SpawnedProcess;
  readonly #origin: string;

  private constructor(process: SpawnedProcess, origin: string) {
    this.#process = process;
    this.#origin = origin;
  }

  /** @throws when it does not become healthy */
  static async start(file: string, more: readonly string[] = []): Promise<LlamaServer> {
    const port = await freePort();
    // One thread: threads of llama.cpp spin while they wait, and on a shared core slow each other down.
    const args = `-m ${PICO} --alias pico -t 1 -c 8192 -np 4 --jinja --port ${port} --host 127.0.0.1 --slots`.split(
      " ",
    );
    const spawned = new SpawnedProcess({ name: "llama-server", file, args: [...args, ...more] });
    const server = new LlamaServer(spawned, `http://127.0.0.1:${port}`);
    await spawned.until("is healthy", () => server.#healthy(), 30_000);
    return server;
  }

  /** Base URL, up to `/v1`. */
  get url(): string {
    return `${this.#origin}/v1`;
  }

  /** Slots that generate now. */
  async busySlots(): Promise<number> {
    const slots = (await (await fetch(`${this.#origin}/slots`)).json()) as readonly LlamaSlot[];
    return slots.filter((slot) => slot.is_processing).length;
  }

  /** @returns how long it took until no slot generated, ms */
  idle(): Promise<number> {
    return eventually("llama-server is idle", async () => (await this.busySlots()) === 0);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#process[Symbol.asyncDispose]();
  }

  async #healthy(): Promise<boolean> {
    try {
      return (await fetch(`${this.#origin}/health`)).ok;
    } catch {
      return false;
    }
  }
}
