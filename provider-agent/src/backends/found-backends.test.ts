import type { Clock } from "@hearth/platform";
import { describe, expect, it } from "vitest";
import { AUTO_BACKEND } from "../config/backend-config.js";
import { AgentError } from "../platform/agent-error.js";
import { systemClock } from "../platform/clock.js";
import { createLogger } from "../platform/logger.js";
import { OLLAMA_SERVER, VLLM_SERVER } from "../testing/recorded-servers.js";
import { ScriptedBackend } from "../testing/scripted-backend.js";
import type { Backend, BackendStatus } from "./backend.js";
import { FoundBackends, SEARCH_AGAIN_MS } from "./found-backends.js";

const never = new AbortController().signal;

/** Real timers, and a time that can be put forward. */
class ForwardClock implements Clock {
  #aheadMs = 0;

  now(): number {
    return systemClock.now() + this.#aheadMs;
  }

  wallTime(): number {
    return systemClock.wallTime();
  }

  setTimer(ms: number, fire: () => void): Disposable {
    return systemClock.setTimer(ms, fire);
  }

  forward(ms: number): void {
    this.#aheadMs += ms;
  }
}

/** Serves one model until it is stopped. */
class Fallback implements Backend {
  readonly name = "fallback";
  running = 0;
  stopped = 0;

  async probe(): Promise<BackendStatus> {
    const slots = [{ model: "small", state: "idle" as const, running: this.running }];
    return { type: "reachable", models: [{ id: "small", capabilities: {} }], slots, sources: new Map() };
  }

  open(): Promise<never> {
    return Promise.reject(new Error("not asked here"));
  }

  async stop(): Promise<void> {
    this.stopped += 1;
  }
}

const { kind: _, ...access } = AUTO_BACKEND as Extract<typeof AUTO_BACKEND, { kind: "auto" }>;

async function start(origins: readonly string[]) {
  const clock = new ForwardClock();
  const fallback = new Fallback();
  const options = { clock, log: createLogger("silent"), access, fallback: async () => fallback, origins };
  const found = await FoundBackends.search(options, never);
  const models = async (): Promise<readonly string[] | "unreachable"> => {
    const status = await found.probe(never);
    return status.type === "reachable" ? status.models.map(({ id }) => id) : status.type;
  };
  return { clock, fallback, found, models };
}

/** A port where nobody listens yet. */
async function vacancy(): Promise<number> {
  await using server = await ScriptedBackend.start(VLLM_SERVER);
  return server.port;
}

const originOf = (port: number): string => `http://127.0.0.1:${port}`;

describe("servers that are searched for", () => {
  it("take over from the fallback when they start later, once it has finished what it had", async () => {
    const port = await vacancy();
    const { clock, fallback, found, models } = await start([originOf(port)]);
    expect(await models()).toEqual(["small"]);
    await using _server = await ScriptedBackend.start(VLLM_SERVER, port);
    clock.forward(SEARCH_AGAIN_MS - 1_000);
    expect(await models()).toEqual(["small"]);
    fallback.running = 1;
    clock.forward(1_000);
    expect(await models()).toEqual(["Qwen/Qwen3-8B"]);
    expect(await models()).toEqual(["Qwen/Qwen3-8B"]);
    expect(fallback.stopped).toBe(0);
    fallback.running = 0;
    await models();
    expect(fallback.stopped).toBe(1);
    await found.stop();
    expect(fallback.stopped).toBe(1);
  });

  it("are asked for when there is none and the engine is not installed", async () => {
    const fallback = (): Promise<never> => Promise.reject(new AgentError("engine_missing", "not installed"));
    const options = { clock: systemClock, log: createLogger("silent"), access, fallback, origins: [] };
    await expect(FoundBackends.search(options, never)).rejects.toMatchObject({
      code: "engine_missing",
      message: expect.stringContaining("No model server answers on the usual ports"),
    });
  });

  it("are joined by another one when none of them answers any more, and are taken back when they return", async () => {
    const later = await vacancy();
    const first = await ScriptedBackend.start(VLLM_SERVER);
    const { clock, fallback, found, models } = await start([originOf(first.port), originOf(later)]);
    const firstPort = first.port;
    await first[Symbol.asyncDispose]();
    expect(await models()).toBe("unreachable");
    await using _other = await ScriptedBackend.start(OLLAMA_SERVER, later);
    clock.forward(SEARCH_AGAIN_MS);
    const joined = await models();
    expect(joined).toContain("gemma3:4b");
    await using _returned = await ScriptedBackend.start(VLLM_SERVER, firstPort);
    expect(await models()).toEqual(["Qwen/Qwen3-8B", ...joined]);
    expect(fallback.stopped).toBe(0);
    await found.stop();
  });
});
