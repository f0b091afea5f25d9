import type { Engine, EngineOptions, startEngine } from "@hearth/engine";
import { AgentError } from "../platform/agent-error.js";
import { type Clock, sleep } from "../platform/clock.js";
import type { Logger } from "../platform/logger.js";
import type { Backend, BackendRequest, BackendResponse, BackendStatus } from "./backend.js";
import { OpenAiBackend } from "./openai-backend.js";

export interface EmbeddedBackendOptions {
  readonly modelPath: string;
  readonly modelId: string;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Restarts of a crashed engine: the first after this, doubling to the other, ms. */
const RESTART_MS = { first: 1_000, max: 30_000 } as const;

/** The engine that ships with Hearth, in a child process. It is started once, and again when it crashes. */
export class EmbeddedBackend implements Backend {
  readonly name = "embedded";
  readonly #options: EmbeddedBackendOptions;
  readonly #start: typeof startEngine;
  readonly #stopping = new AbortController();
  #engine: { readonly process: Engine; readonly http: OpenAiBackend } | undefined;
  #restartMs: number = RESTART_MS.first;

  private constructor(options: EmbeddedBackendOptions, start: typeof startEngine) {
    this.#options = options;
    this.#start = start;
  }

  /** @throws AgentError `engine_missing`, `engine_failed` */
  static async start(options: EmbeddedBackendOptions): Promise<EmbeddedBackend> {
    const backend = new EmbeddedBackend(options, (await loadEnginePackage()).startEngine);
    try {
      await backend.#launch();
    } catch (cause) {
      throw new AgentError("engine_failed", `The embedded engine did not start: ${messageOf(cause)}`, { cause });
    }
    return backend;
  }

  async probe(signal: AbortSignal): Promise<BackendStatus> {
    return (await this.#engine?.http.probe(signal)) ?? { reachable: false, models: [], maxConcurrency: undefined };
  }

  open(request: BackendRequest, signal: AbortSignal): Promise<BackendResponse> {
    const http = this.#engine?.http;
    return http === undefined ? Promise.reject(new Error("the engine is restarting")) : http.open(request, signal);
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    const engine = this.#engine;
    this.#engine = undefined;
    await engine?.http.stop();
    await engine?.process.stop();
  }

  async #launch(): Promise<void> {
    const { modelPath, modelId, log } = this.#options;
    const options: EngineOptions = { modelPath, modelId, onExit: () => void this.#crashed() };
    const process = await this.#start(options, this.#stopping.signal);
    log.info({ pid: process.pid }, "engine started");
    const http = new OpenAiBackend({ baseUrl: process.baseUrl, key: process.apiKey, models: [modelId] });
    this.#engine = { process, http };
  }

  async #crashed(): Promise<void> {
    const engine = this.#engine;
    if (engine === undefined || this.#stopping.signal.aborted) return;
    this.#engine = undefined;
    await engine.http.stop();
    while (this.#engine === undefined && !this.#stopping.signal.aborted) {
      this.#options.log.warn({ restartMs: this.#restartMs }, "engine exited");
      await sleep(this.#options.clock, this.#restartMs, this.#stopping.signal);
      this.#restartMs = Math.min(RESTART_MS.max, this.#restartMs * 2);
      await this.#launch().catch((cause) =>
        this.#options.log.error({ problem: messageOf(cause) }, "engine did not start"),
      );
    }
  }
}

/** The engine is a package of its own: an agent in front of an existing backend does not need its hundred megabytes. */
async function loadEnginePackage(): Promise<typeof import("@hearth/engine")> {
  try {
    return await import("@hearth/engine");
  } catch (cause) {
    throw new AgentError(
      "engine_missing",
      "The embedded engine is not installed. Add it with `npm install @hearth/engine`, " +
        "or point --backend at a server that runs already, like http://127.0.0.1:8000/v1.",
      { cause },
    );
  }
}

const messageOf = (cause: unknown): string => (cause instanceof Error ? cause.message : String(cause));
