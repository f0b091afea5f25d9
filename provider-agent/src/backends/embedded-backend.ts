import type { Engine, EngineExit } from "@hearth/engine";
import { Backoff, type Clock, describeFault, type Rng, sleep } from "@hearth/platform";
import { AgentError } from "../platform/agent-error.js";
import type { Logger } from "../platform/logger.js";
import type { Backend, BackendRequest, BackendResponse, BackendStatus } from "./backend.js";
import { OpenAiBackend } from "./openai-backend.js";

/** The part of `@hearth/engine` that is used. */
export type EnginePackage = Pick<typeof import("@hearth/engine"), "startEngine">;

export interface EmbeddedBackendOptions {
  readonly modelPath: string;
  readonly modelId: string;
  readonly clock: Clock;
  readonly rng: Rng;
  readonly log: Logger;
  readonly load?: () => Promise<EnginePackage>;
}

interface Running {
  readonly engine: Engine;
  readonly http: OpenAiBackend;
  readonly exited: Promise<EngineExit>;
}

/** An engine that has run for this long has not failed to start: restarts begin with a short delay again, ms. */
const STABLE_MS = 60_000;

/** The engine that ships with Hearth, in a child process. It is started once, and again when it crashes. */
export class EmbeddedBackend implements Backend {
  readonly name = "embedded";
  readonly #options: EmbeddedBackendOptions;
  readonly #package: EnginePackage;
  readonly #stopping = new AbortController();
  #running: Running | undefined;
  #kept: Promise<void> = Promise.resolve();

  private constructor(options: EmbeddedBackendOptions, engine: EnginePackage) {
    this.#options = options;
    this.#package = engine;
  }

  /**
   * Resolves when the engine serves.
   *
   * @throws AgentError `engine_missing`, `engine_failed`
   */
  static async start(options: EmbeddedBackendOptions, signal: AbortSignal): Promise<EmbeddedBackend> {
    const backend = new EmbeddedBackend(options, await (options.load ?? loadEnginePackage)());
    const giveUp = (): void => backend.#stopping.abort();
    signal.addEventListener("abort", giveUp, { once: true });
    if (signal.aborted) giveUp();
    try {
      await backend.#launch();
      backend.#kept = backend.#keep();
    } catch (cause) {
      const problem = cause instanceof Error ? cause.message : String(cause);
      throw new AgentError("engine_failed", `The embedded engine did not start: ${problem}`, { cause });
    } finally {
      signal.removeEventListener("abort", giveUp);
    }
    return backend;
  }

  /** Of the engine that serves now. */
  get pid(): number | undefined {
    return this.#running?.engine.pid;
  }

  async probe(signal: AbortSignal): Promise<BackendStatus> {
    const status = await this.#running?.http.probe(signal);
    if (status === undefined) return { type: "unreachable", problem: "engine not running" };
    const { modelId, modelPath } = this.#options;
    if (status.type === "unreachable") return status;
    return { ...status, sources: new Map([[modelId, { ...status.sources.get(modelId), path: modelPath }]]) };
  }

  open(request: BackendRequest, signal: AbortSignal): Promise<BackendResponse> {
    const http = this.#running?.http;
    return http === undefined ? Promise.reject(new Error("engine not running")) : http.open(request, signal);
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#running?.engine.stop();
    await this.#kept;
  }

  async #launch(): Promise<void> {
    const { modelPath, modelId, log } = this.#options;
    let onExit: (exit: EngineExit) => void = () => {};
    const exited = new Promise<EngineExit>((resolve) => {
      onExit = resolve;
    });
    const options = { modelPath, modelId, onExit, log: (line: string) => log.warn({ line }, "engine says") };
    const engine = await this.#package.startEngine(options, this.#stopping.signal);
    log.info({ pid: engine.pid, model: modelId }, "engine started");
    const http = new OpenAiBackend({ baseUrl: engine.baseUrl, key: engine.apiKey, models: [modelId] });
    this.#running = { engine, http, exited };
    if (this.#stopping.signal.aborted) await engine.stop();
  }

  /** Sees each engine to its end, and starts the next one until told to stop. Never rejects. */
  async #keep(): Promise<void> {
    const { clock, rng, log } = this.#options;
    const backoff = new Backoff(rng);
    for (;;) {
      const startedAt = clock.now();
      const exit = await this.#running?.exited;
      await this.#running?.http.stop();
      this.#running = undefined;
      if (this.#stopping.signal.aborted) return;
      if (clock.now() - startedAt >= STABLE_MS) backoff.reset();
      const delayMs = backoff.next();
      log.warn({ ...exit, delayMs: Math.round(delayMs) }, "engine exited");
      await sleep(clock, delayMs, this.#stopping.signal);
      if (this.#stopping.signal.aborted) return;
      await this.#launch().catch((error: unknown) => {
        if (!this.#stopping.signal.aborted) log.error({ problem: describeFault(error) }, "engine did not start");
      });
    }
  }
}

/** The engine is a package of its own: an agent in front of an existing backend does not need its hundred megabytes. */
async function loadEnginePackage(): Promise<EnginePackage> {
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
