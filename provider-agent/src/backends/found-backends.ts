import type { Clock } from "@hearth/platform";
import type { BackendAccess } from "../config/backend-config.js";
import { AgentError } from "../platform/agent-error.js";
import type { Logger } from "../platform/logger.js";
import type { Backend, BackendRequest, BackendResponse, BackendStatus } from "./backend.js";
import { BackendSet } from "./backend-set.js";
import { detectBackends } from "./detect-backends.js";
import { OpenAiBackend } from "./openai-backend.js";
import type { WatchedRequest } from "./sign-watch.js";

export interface FoundBackendsOptions {
  readonly clock: Clock;
  readonly log: Logger;
  readonly access: BackendAccess;
  /** Serves where no server is found. */
  readonly fallback: () => Promise<Backend>;
  /** Where to search, instead of the usual ports. */
  readonly origins?: readonly string[];
}

/** How often servers are looked for while none serves, ms. */
export const SEARCH_AGAIN_MS = 60_000;

/** What serves now: servers that were found, by their URLs, or the fallback. */
interface Serving {
  readonly type: "servers" | "fallback";
  readonly urls: readonly string[];
  readonly backend: Backend;
}

/**
 * The servers that are found on this machine, as one backend. While none of them answers, or only the fallback serves,
 * they are looked for again: a model server may start after the agent, as when the owner logs in.
 */
export class FoundBackends implements Backend {
  readonly #options: FoundBackendsOptions;
  #serving: Serving;
  /** A fallback that gave way, and may still have requests. */
  #leaving: Backend | undefined;
  #searchedAt: number;

  private constructor(options: FoundBackendsOptions, serving: Serving) {
    this.#options = options;
    this.#serving = serving;
    this.#searchedAt = options.clock.now();
  }

  /** Looks for servers, and starts the fallback when there is none. @throws AgentError when that does not start */
  static async search(options: FoundBackendsOptions, signal: AbortSignal): Promise<FoundBackends> {
    const found = await findNew(options, [], signal);
    if (found !== undefined) return new FoundBackends(options, found);
    options.log.info("no backend found, the embedded engine is tried");
    return new FoundBackends(options, { type: "fallback", urls: [], backend: await startFallback(options) });
  }

  get name(): string {
    return this.#serving.backend.name;
  }

  async probe(signal: AbortSignal): Promise<BackendStatus> {
    await this.#endLeaving(signal);
    const status = await this.#serving.backend.probe(signal);
    const isLacking = this.#serving.type === "fallback" || status.type === "unreachable";
    if (!isLacking || this.#options.clock.now() - this.#searchedAt < SEARCH_AGAIN_MS) return status;
    this.#searchedAt = this.#options.clock.now();
    const found = await findNew(this.#options, this.#serving.urls, signal);
    if (found === undefined) return status;
    this.#take(found);
    return await this.#serving.backend.probe(signal);
  }

  open(request: BackendRequest, signal: AbortSignal): Promise<BackendResponse> {
    return this.#serving.backend.open(request, signal);
  }

  watch(request: WatchedRequest): Disposable {
    return this.#serving.backend.watch?.(request) ?? { [Symbol.dispose]() {} };
  }

  async stop(): Promise<void> {
    await Promise.all([this.#serving.backend.stop(), this.#leaving?.stop()]);
  }

  #take({ urls, backend }: Serving): void {
    const before = this.#serving;
    if (before.type === "fallback") {
      this.#leaving = before.backend;
      this.#serving = { type: "servers", urls, backend };
    } else {
      // One that does not answer may only be busy: it stays.
      const together = new BackendSet([before.backend, backend], this.#options.log);
      this.#serving = { type: "servers", urls: [...before.urls, ...urls], backend: together };
    }
  }

  /** Nothing new comes to it: without a request at work it is of no more use. */
  async #endLeaving(signal: AbortSignal): Promise<void> {
    const leaving = this.#leaving;
    if (leaving === undefined) return;
    const status = await leaving.probe(signal);
    if (status.type === "reachable" && status.slots.some(({ running = 0 }) => running > 0)) return;
    this.#leaving = undefined;
    await leaving.stop();
  }
}

async function startFallback({ fallback }: FoundBackendsOptions): Promise<Backend> {
  try {
    return await fallback();
  } catch (cause) {
    if (!(cause instanceof AgentError) || cause.code !== "engine_missing") throw cause;
    throw new AgentError(
      "engine_missing",
      "No model server answers on the usual ports of this machine: start llama-server, Ollama, LM Studio, MLX-LM or " +
        "vLLM, or say with --backend where one is.\nWithout a server, the agent can run a model itself: " +
        "npm install -g @hearth/engine",
      { cause },
    );
  }
}

/** Servers that are there now and were not known. */
async function findNew(
  { clock, log, origins, access }: FoundBackendsOptions,
  known: readonly string[],
  signal: AbortSignal,
): Promise<Serving | undefined> {
  const detected = await detectBackends({ clock, ...(origins === undefined ? {} : { origins }) }, signal);
  const fresh = detected.filter(({ url }) => !known.includes(url));
  const usable = fresh.filter(({ needsKey }) => !needsKey || access.key !== undefined);
  for (const each of fresh) log.info({ ...each, usable: usable.includes(each) }, "backend found");
  const backends = usable.map(({ kind, url }) => new OpenAiBackend({ baseUrl: url, kind, clock, ...access }));
  const [only] = backends;
  if (only === undefined) return undefined;
  const backend = backends.length === 1 ? only : new BackendSet(backends, log);
  return { type: "servers", urls: usable.map(({ url }) => url), backend };
}
