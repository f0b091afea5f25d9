import type { Rng } from "@hearth/platform";
import { FakeClock } from "@hearth/platform/testing";
import type { Backend, BackendRequest, BackendResponse, BackendStatus } from "../backends/backend.js";
import { OpenAiBackend } from "../backends/openai-backend.js";
import { type BenchOptions, type ModelBench, runBench } from "../bench/run-bench.js";
import { type BackendCall, type BackendScript, chunk, DONE, ScriptedBackend, startEvents } from "./scripted-backend.js";

/** Tells its script each time the agent has taken what was written and wants more. */
class WatchedBackend implements Backend {
  readonly name = "scripted";
  readonly #inner: OpenAiBackend;
  readonly #contextLength: number | undefined;
  taken: () => void = () => {};

  constructor(url: string, contextLength?: number) {
    this.#inner = new OpenAiBackend({ baseUrl: url, models: [] });
    this.#contextLength = contextLength;
  }

  async probe(signal: AbortSignal): Promise<BackendStatus> {
    const status = await this.#inner.probe(signal);
    if (status.type === "unreachable" || this.#contextLength === undefined) return status;
    const context_length = this.#contextLength;
    return { ...status, models: status.models.map((model) => ({ ...model, context_length })) };
  }

  async open(request: BackendRequest, signal: AbortSignal): Promise<BackendResponse> {
    const response = await this.#inner.open(request, signal);
    return { ...response, body: this.#watched(response.body) };
  }

  stop(): Promise<void> {
    return this.#inner.stop();
  }

  async *#watched(body: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    for await (const piece of body) {
      yield piece;
      this.taken();
    }
  }
}

export interface Asked {
  readonly model: string;
  readonly prompt: string;
  readonly maxTokens: number;
  readonly fields: readonly string[];
  /** One a word, and 20 of the template. */
  readonly promptTokens: number;
}

export function asked(call: BackendCall): Asked {
  const body = JSON.parse(call.body);
  const prompt: string = body.messages[0].content;
  const promptTokens = 20 + prompt.split(/\s+/).length;
  return { model: body.model, prompt, maxTokens: body.max_tokens, fields: Object.keys(body), promptTokens };
}

const seeded = (): Rng => {
  let state = 1;
  return {
    next() {
      state = (state * 48_271) % 2_147_483_647;
      return state / 2_147_483_647;
    },
  };
};

/** What a scripted model does; the defaults are those of `EXACT`. */
interface Pace {
  readonly overheadMs?: number;
  readonly msPerPromptToken?: number;
  readonly gapMs?: number;
  readonly usage?: "told" | "kept";
  readonly cachedTokens?: number;
  /** Tokens that are read; others cost nothing. */
  readonly readTokens?: (asked: Asked) => number;
  readonly extra?: object;
}

/** Measures a scripted model in virtual time. */
export class BenchLab implements AsyncDisposable {
  readonly clock = new FakeClock();
  readonly server: ScriptedBackend;
  readonly backend: WatchedBackend;
  readonly shares: number[] = [];
  readonly phrases: string[] = [];
  readonly told: ModelBench[] = [];

  private constructor(server: ScriptedBackend, contextLength?: number) {
    this.server = server;
    this.backend = new WatchedBackend(server.url, contextLength);
  }

  static async start(contextLength = 8_192): Promise<BenchLab> {
    return new BenchLab(await ScriptedBackend.start(), contextLength);
  }

  run(options: Partial<BenchOptions> = {}, signal = new AbortController().signal): Promise<readonly ModelBench[]> {
    const { clock, backend } = this;
    const progress = (share: number, what: string): void => {
      this.shares.push(share);
      this.phrases.push(what);
    };
    const measured = (bench: ModelBench): void => void this.told.push(bench);
    const all = { backends: [backend], models: [], clock, rng: seeded(), progress, measured, ...options };
    return runBench(all, signal);
  }

  /** Lets time pass, writes, and waits until it was read. */
  async write(call: BackendCall, afterMs: number, text: string): Promise<void> {
    this.clock.advance(afterMs);
    const taken = new Promise<void>((resolve) => {
      this.backend.taken = resolve;
    });
    call.response.write(text);
    await taken;
  }

  /** Answers at a known pace. */
  script(pace: Pace = {}): BackendScript {
    const { overheadMs = 100, msPerPromptToken = 0.5, gapMs = 20, usage = "told" } = pace;
    return async (call) => {
      const request = asked(call);
      const read = pace.readTokens?.(request) ?? request.promptTokens - (pace.cachedTokens ?? 0);
      startEvents(call);
      await this.write(call, overheadMs + read * msPerPromptToken, chunk({ role: "assistant", content: "" }));
      await this.write(call, 0, chunk({ content: "word" }));
      for (let token = 1; token < request.maxTokens; token += 1)
        await this.write(call, gapMs, chunk({ content: " w" }));
      const counted = {
        prompt_tokens: request.promptTokens,
        completion_tokens: request.maxTokens,
        prompt_tokens_details: { cached_tokens: pace.cachedTokens ?? 0 },
      };
      const last = { choices: [], ...(usage === "told" ? { usage: counted } : {}), ...pace.extra };
      call.response.end(`${chunk({}, "length")}data: ${JSON.stringify(last)}\n\n${DONE}`);
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.backend.stop();
    await this.server[Symbol.asyncDispose]();
  }
}
