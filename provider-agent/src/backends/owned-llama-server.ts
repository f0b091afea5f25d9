import { Backoff, type Clock, describeFault, type Rng } from "@hearth/platform";
import type { ModelAdvert } from "@hearth/protocol";
import type { Logger } from "../platform/logger.js";
import type {
  Backend,
  BackendRequest,
  BackendResponse,
  BackendSlot,
  BackendStatus,
  ReachableBackend,
} from "./backend.js";
import type { HeaderRules } from "./header-rules.js";
import { checkLlamaCommand, type LlamaCommand } from "./owned/llama-command.js";
import { LlamaProcess } from "./owned/llama-process.js";
import { type ServerSign, SignWatch, type WatchedRequest } from "./sign-watch.js";

export interface OwnedLlamaServerOptions extends LlamaCommand {
  /** What the model is called; also the server's alias for it. */
  readonly modelId: string;
  readonly embeddings?: boolean;
  readonly headers?: HeaderRules;
  /** Stopped after this long without a request, ms; 0 = never. */
  readonly idleMs: number;
  readonly clock: Clock;
  readonly rng: Rng;
  readonly log: Logger;
}

type State =
  /** Its memory is the machine's; the next request starts it. */
  | { readonly type: "stopped" }
  | { readonly type: "starting"; readonly serving: Promise<LlamaProcess> }
  | { readonly type: "serving"; readonly server: LlamaProcess; readonly since: number }
  /** It crashed, or did not start, and is started again when the timer fires. */
  | { readonly type: "waiting"; readonly timer: Disposable }
  | { readonly type: "closed" };

/** A server that has run for this long has not failed to start: restarts begin with a short delay again, ms. */
const STABLE_MS = 60_000;
/** A server that does not even tell its health for so many probes in a row hangs. */
const MISSED_HEALTH = 3;

/**
 * A llama-server of the agent's own: started by the first request, watched, started again when it crashes, and stopped
 * when nobody has used it for a while, which gives its memory back. It ends with the agent, however that ends.
 */
export class OwnedLlamaServer implements Backend {
  readonly name = "llama-server";
  readonly #options: OwnedLlamaServerOptions;
  readonly #backoff: Backoff;
  readonly #signs: SignWatch;
  readonly #stopping = new AbortController();
  #state: State = { type: "stopped" };
  /** Requests that are under way, also those that wait for the server to load. */
  #requests = 0;
  #idle: Disposable | undefined;
  #missed = 0;
  /** The process that loads the model. */
  #loading: LlamaProcess | undefined;
  /** What it serves while it runs. */
  #known: ReachableBackend;

  private constructor(options: OwnedLlamaServerOptions, weightsBytes: number) {
    const backend = { kind: "llama-server" };
    const model: ModelAdvert = { id: options.modelId, weights_bytes: weightsBytes, capabilities: {}, backend };
    this.#options = options;
    this.#backoff = new Backoff(options.rng);
    const { clock } = options;
    this.#signs = new SignWatch({ clock, read: (models, signal) => this.#readSigns(models, signal) });
    this.#known = {
      type: "reachable",
      models: [model],
      slots: [],
      sources: new Map([[model.id, { path: options.modelPath }]]),
    };
  }

  /** Checks what is needed and starts nothing. @throws AgentError `config_invalid` */
  static async create(options: OwnedLlamaServerOptions): Promise<OwnedLlamaServer> {
    return new OwnedLlamaServer(options, await checkLlamaCommand(options));
  }

  /** Of the process that serves now; also that of its group, except on Windows. */
  get pid(): number | undefined {
    return this.#state.type === "serving" ? this.#state.server.pid : undefined;
  }

  /** Loads the model before anybody asks for it. @throws Error when it does not load */
  async preload(signal: AbortSignal): Promise<void> {
    await this.#running(signal);
  }

  async probe(signal: AbortSignal): Promise<BackendStatus> {
    const state = this.#state;
    switch (state.type) {
      case "stopped":
        return this.#standing("idle_shutdown");
      case "starting":
        return this.#standing("reloading");
      case "waiting":
        return this.#standing("crashed");
      case "closed":
        return { type: "unreachable", problem: "stopped" };
      case "serving":
        return await this.#ask(state.server, signal);
    }
  }

  async open(request: BackendRequest, signal: AbortSignal): Promise<BackendResponse> {
    this.#began();
    try {
      const server = await this.#running(signal);
      const response = await server.http.open(request, signal);
      response.body.once("close", () => this.#ended());
      return response;
    } catch (error) {
      this.#ended();
      throw error;
    }
  }

  watch(request: WatchedRequest): Disposable {
    return this.#signs.watch(request);
  }

  async stop(): Promise<void> {
    const before = this.#state;
    this.#state = { type: "closed" };
    this.#stopping.abort();
    this.#idle?.[Symbol.dispose]();
    switch (before.type) {
      case "stopped":
      case "closed":
        return;
      case "waiting":
        before.timer[Symbol.dispose]();
        return;
      case "starting":
        await before.serving.catch(() => {});
        return;
      case "serving":
        before.server.kill();
        await before.server.exited;
        return;
    }
  }

  /** The server, started if need be. @throws Error when it does not start, or the signal aborts */
  async #running(signal: AbortSignal): Promise<LlamaProcess> {
    if (this.#state.type === "stopped") this.#start();
    const state = this.#state;
    switch (state.type) {
      case "serving":
        return state.server;
      case "starting":
        return await unlessAborted(state.serving, signal);
      case "waiting":
        throw new Error("llama-server waits for its restart");
      case "stopped":
      case "closed":
        throw new Error("llama-server is stopped");
    }
  }

  #start(): void {
    const serving = this.#launch();
    this.#state = { type: "starting", serving };
    // Callers that wait for it get the error too.
    serving.catch((error: unknown) => this.#failed({ problem: describeFault(error) }));
  }

  async #launch(): Promise<LlamaProcess> {
    const { log, clock } = this.#options;
    const startedAt = clock.now();
    const server = await LlamaProcess.start(this.#options);
    this.#loading = server;
    log.info({ pid: server.pid, model: this.#options.modelId }, "llama-server starts");
    const { signal } = this.#stopping;
    // Stopping does not wait for a model that loads for minutes.
    signal.addEventListener("abort", server.kill, { once: true });
    if (signal.aborted) server.kill();
    await server.ready().finally(() => {
      signal.removeEventListener("abort", server.kill);
      this.#loading = undefined;
    });
    if (signal.aborted) {
      server.kill();
      await server.exited;
      throw new Error("llama-server is stopped");
    }
    this.#state = { type: "serving", server, since: clock.now() };
    this.#missed = 0;
    log.info({ pid: server.pid, ms: Math.round(clock.now() - startedAt) }, "llama-server serves");
    void server.exited.then((exit) => {
      if (this.#state.type === "serving" && this.#state.server === server) this.#failed({ ...exit });
    });
    this.#rest();
    return server;
  }

  #failed(reason: object): void {
    const state = this.#state;
    if (state.type === "closed") return;
    const { clock, log } = this.#options;
    if (state.type === "serving" && clock.now() - state.since >= STABLE_MS) this.#backoff.reset();
    this.#idle?.[Symbol.dispose]();
    const delayMs = this.#backoff.next();
    log.warn({ ...reason, delayMs: Math.round(delayMs) }, "llama-server ended");
    this.#state = { type: "waiting", timer: clock.setTimer(delayMs, () => this.#start()) };
  }

  async #ask(server: LlamaProcess, signal: AbortSignal): Promise<BackendStatus> {
    const status = await server.http.probe(signal);
    // It may have ended in the meantime, and why is known better then.
    if (this.#state.type !== "serving" || this.#state.server !== server) return await this.probe(signal);
    if (status.type === "reachable") {
      this.#missed = 0;
      this.#known = status;
      return status;
    }
    // It answers nothing but this while it works on a long prompt.
    this.#missed = (await server.isHealthy()) ? 0 : this.#missed + 1;
    if (this.#missed >= MISSED_HEALTH) server.kill();
    return this.#missed === 0 ? this.#standing("running") : status;
  }

  #standing(state: BackendSlot["state"]): ReachableBackend {
    // There is nobody to ask for what it renders.
    const sources = [...this.#known.sources].map(([id, { renderer: _, ...source }]) => [id, source] as const);
    const slots = this.#known.models.map(({ id }) => ({ model: id, state }));
    return { ...this.#known, slots, sources: new Map(sources) };
  }

  /** While it loads, what it has read of the model; then, what its slots do. */
  async #readSigns(models: readonly string[], signal: AbortSignal): Promise<readonly ServerSign[]> {
    if (this.#state.type === "serving") return await this.#state.server.http.signs(models, signal);
    const process = this.#loading;
    const bytes = await process?.bytesRead(signal);
    if (process === undefined || bytes === undefined) return [];
    const of = { type: "model", model: this.#options.modelId } as const;
    return [{ key: `process ${process.pid}`, sign: "loading", counter: bytes, of }];
  }

  #began(): void {
    this.#requests += 1;
    this.#idle?.[Symbol.dispose]();
    this.#idle = undefined;
  }

  #ended(): void {
    this.#requests -= 1;
    this.#rest();
  }

  /** Counts the time without requests, if there are none. */
  #rest(): void {
    const { clock, idleMs } = this.#options;
    if (this.#requests > 0 || idleMs === 0 || this.#state.type !== "serving") return;
    this.#idle?.[Symbol.dispose]();
    this.#idle = clock.setTimer(idleMs, () => this.#giveBack());
  }

  #giveBack(): void {
    if (this.#state.type !== "serving") return;
    const { server } = this.#state;
    this.#state = { type: "stopped" };
    this.#options.log.info({ pid: server.pid }, "llama-server stopped, nobody used it");
    server.kill();
  }
}

function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = (): void =>
      reject(new DOMException("The call was aborted.", { name: "AbortError", cause: signal.reason }));
    if (signal.aborted) return abort();
    signal.addEventListener("abort", abort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener("abort", abort));
  });
}
