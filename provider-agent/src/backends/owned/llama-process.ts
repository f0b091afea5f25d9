import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";
import { type Clock, deadline, randomText, sleep } from "@hearth/platform";
import type { Logger } from "../../platform/logger.js";
import type { HeaderRules } from "../header-rules.js";
import { OpenAiBackend } from "../openai-backend.js";
import { ServerApi } from "../server-api.js";
import { type ProcessExit, startGuarded } from "./guarded-process.js";
import type { LlamaCommand } from "./llama-command.js";
import { bytesTakenIn } from "./process-bytes.js";

export interface LlamaProcessOptions extends LlamaCommand {
  readonly modelId: string;
  /** Its model makes embeddings and does not chat. */
  readonly embeddings?: boolean;
  readonly headers?: HeaderRules;
  readonly clock: Clock;
  readonly log: Logger;
}

/** A model that has not loaded by then, and of which nothing was read meanwhile, never will, ms. */
const LOAD_LIMIT_MS = 600_000;
const HEALTH_EVERY_MS = 100;
const HEALTH_TIMEOUT_MS = 2_000;
/** Lines of stderr that are logged when loading fails. */
const KEPT_LINES = 12;

/** One run of llama-server, on a free port of loopback and with a key of its own. */
export class LlamaProcess {
  readonly http: OpenAiBackend;
  readonly pid: number | undefined;
  readonly exited: Promise<ProcessExit>;
  readonly kill: () => void;
  readonly #api: ServerApi;
  readonly #options: LlamaProcessOptions;
  readonly #gone = new AbortController();
  /**
   * The last lines from before it served. Later ones may quote requests, as those about malformed JSON do in b11669,
   * and are dropped.
   */
  #lines: string[] | undefined = [];

  private constructor(options: LlamaProcessOptions, port: number) {
    const key = randomText(32);
    const baseUrl = `http://127.0.0.1:${port}/v1`;
    this.#options = options;
    this.#api = new ServerApi(baseUrl, { key }, options.clock);
    const { headers, embeddings = false } = options;
    this.http = new OpenAiBackend({ baseUrl, key, headers, kind: "llama-server", models: [], embeddings });
    const { pid, exited, kill } = startGuarded({
      command: options.command,
      args: argsOf(options, port),
      secret: { name: "LLAMA_API_KEY", value: key },
      onLine: (line) => this.#keep(line),
    });
    this.pid = pid;
    this.kill = kill;
    this.exited = exited.then(async (exit) => {
      this.#gone.abort();
      this.#api.http.close();
      await this.http.stop();
      return exit;
    });
  }

  static async start(options: LlamaProcessOptions): Promise<LlamaProcess> {
    return new LlamaProcess(options, await freePort());
  }

  /** Resolves when it serves. @throws Error when it ends before, or takes too long and is killed */
  async ready(): Promise<void> {
    let bytesBefore: number | undefined;
    do {
      bytesBefore = await this.bytesRead(this.#gone.signal);
      if (await this.#servesInTime()) {
        this.#lines = undefined;
        return;
      }
    } while (hasGrown(bytesBefore, await this.bytesRead(this.#gone.signal)));
    this.kill();
    await this.exited;
    const { log } = this.#options;
    for (const line of this.#lines ?? []) log.warn({ line }, "llama-server says");
    throw new Error("llama-server did not load its model");
  }

  /** Bytes that it has read or mapped by now; `undefined` where that cannot be told. Never rejects. */
  async bytesRead(signal: AbortSignal): Promise<number | undefined> {
    return this.pid === undefined ? undefined : await bytesTakenIn(this.pid, signal);
  }

  /** `/health` says 503 while it loads. Never rejects. */
  async isHealthy(): Promise<boolean> {
    using limit = deadline(this.#options.clock, HEALTH_TIMEOUT_MS, this.#gone.signal);
    try {
      return (await this.#api.get("health", limit.signal)).status === 200;
    } catch {
      return false;
    }
  }

  async #servesInTime(): Promise<boolean> {
    const { clock } = this.#options;
    using limit = deadline(clock, LOAD_LIMIT_MS, this.#gone.signal);
    while (!limit.signal.aborted) {
      // Another program that took the port in the meantime does not know the alias under this key.
      if ((await this.isHealthy()) && (await this.#isOurs(limit.signal))) return true;
      await sleep(clock, HEALTH_EVERY_MS, limit.signal);
    }
    return false;
  }

  async #isOurs(signal: AbortSignal): Promise<boolean> {
    try {
      const { json } = await this.#api.get("props", signal);
      return (json as { readonly model_alias?: unknown } | undefined)?.model_alias === this.#options.modelId;
    } catch {
      return false;
    }
  }

  #keep(line: string): void {
    this.#lines?.push(line);
    if ((this.#lines?.length ?? 0) > KEPT_LINES) this.#lines?.shift();
  }
}

function hasGrown(before: number | undefined, after: number | undefined): boolean {
  return before !== undefined && after !== undefined && after > before;
}

/** `--jinja` and `--slots` are defaults of newer versions. */
function argsOf({ modelPath, modelId, embeddings, args }: LlamaProcessOptions, port: number): readonly string[] {
  const model = ["--model", modelPath, "--alias", modelId, ...(embeddings === true ? ["--embeddings"] : [])];
  const endpoints = ["--host", "127.0.0.1", "--port", String(port), "--slots", "--metrics", "--no-webui"];
  return [...model, ...endpoints, "--jinja", ...args];
}

/** A port of loopback that was free a moment ago. */
export async function freePort(): Promise<number> {
  const server = createServer();
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}
