import { request as httpRequest, type IncomingMessage } from "node:http";
import { fileURLToPath } from "node:url";
import type { Engine } from "../engine.js";

/** The tiny model that comes with the provider agent. */
export const PICO: string = fileURLToPath(new URL("../../../provider-agent/models/pico/pico.gguf", import.meta.url));

/** Any JSON, looked into by tests. */
// biome-ignore lint/suspicious/noExplicitAny: answers are looked into freely, and an expectation fails on a wrong guess
export type Json = any;

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Json;
}

export interface Health {
  readonly slots_running: number;
  readonly slots_idle: number;
  readonly queued: number;
}

/** A client of one engine, as an agent is one. */
export class EngineClient {
  readonly #engine: Engine;

  constructor(engine: Engine) {
    this.#engine = engine;
  }

  async get(path: string, headers: Record<string, string> = this.#headers): Promise<Answer> {
    const response = await fetch(new URL(path, this.#engine.baseUrl), { headers });
    return { status: response.status, headers: response.headers, body: await response.json() };
  }

  async post(path: string, body: unknown, signal: AbortSignal | null = null): Promise<Answer> {
    const text = typeof body === "string" ? body : JSON.stringify(body);
    const init = { method: "POST", headers: this.#headers, body: text, signal };
    const response = await fetch(new URL(path, this.#engine.baseUrl), init);
    return { status: response.status, headers: response.headers, body: await response.json() };
  }

  /** One chat completion with temperature 0 unless `options` say otherwise. */
  chat(content: string, options: object = {}, signal: AbortSignal | null = null): Promise<Answer> {
    return this.post("/v1/chat/completions", chatBody(content, options), signal);
  }

  /** The data of all events, with `"[DONE]"` as it is. */
  async stream(path: string, body: object): Promise<Json[]> {
    const response = await fetch(new URL(path, this.#engine.baseUrl), {
      method: "POST",
      headers: this.#headers,
      body: JSON.stringify({ ...body, stream: true }),
    });
    return eventsOf(await response.text());
  }

  streamChat(content: string, options: object = {}): Promise<Json[]> {
    return this.stream("/v1/chat/completions", chatBody(content, options));
  }

  /** A streamed chat that the test may leave. Resolves when the headers are there. */
  open(content: string, options: object = {}): Promise<OpenStream> {
    return new Promise((resolve, reject) => {
      const call = httpRequest(new URL("/v1/chat/completions", this.#engine.baseUrl), {
        method: "POST",
        headers: this.#headers,
        agent: false,
      });
      call.once("error", reject);
      call.once("response", (response) => resolve(new OpenStream(response, () => call.destroy())));
      call.end(JSON.stringify({ ...chatBody(content, options), stream: true }));
    });
  }

  async health(): Promise<Health> {
    return (await this.get("/health")).body;
  }

  get #headers(): Record<string, string> {
    return { authorization: `Bearer ${this.#engine.apiKey}`, "content-type": "application/json" };
  }
}

/** A streamed answer that is under way. */
export class OpenStream {
  readonly status: number;
  readonly leave: () => void;
  readonly #begun: Promise<void>;
  readonly #closed: Promise<void>;
  #text = "";

  constructor(response: IncomingMessage, leave: () => void) {
    this.status = response.statusCode ?? 0;
    this.leave = leave;
    this.#begun = new Promise((resolve) => {
      response.on("data", (data) => {
        this.#text += String(data);
        if (this.#text.length < 4_096 && this.#text.includes('"delta":{"content":')) resolve();
      });
    });
    this.#closed = new Promise((resolve) => response.once("close", resolve));
    // Leaving breaks the response off, which is no failure of the test.
    response.on("error", () => undefined);
  }

  /** Waits until the answer has begun. */
  begun(): Promise<void> {
    return this.#begun;
  }

  /** The events of the whole stream, once it has ended. */
  async events(): Promise<Json[]> {
    await this.#closed;
    return eventsOf(this.#text);
  }
}

export function chatBody(content: string, options: object = {}): object {
  return { messages: [{ role: "user", content }], temperature: 0, ...options };
}

/** The text of an answer's chunks. */
export function textOf(events: readonly Json[]): string {
  return events.map((event) => event.choices?.[0]?.delta?.content ?? event.choices?.[0]?.text ?? "").join("");
}

function eventsOf(text: string): Json[] {
  const events = text.split("\n\n").filter((event) => event !== "");
  return events.map((event) => {
    if (!event.startsWith("data: ")) throw new Error(`not an event: ${event}`);
    const data = event.slice("data: ".length);
    return data === "[DONE]" ? data : JSON.parse(data);
  });
}

/** Polls until the condition holds. @throws when it does not within the time, ms */
export async function eventually(condition: () => boolean | Promise<boolean>, timeoutMs: number): Promise<number> {
  const startedMs = performance.now();
  while (!(await condition())) {
    if (performance.now() - startedMs > timeoutMs) throw new Error(`not within ${timeoutMs} ms`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  return performance.now() - startedMs;
}
