import { setTimeout as delay } from "node:timers/promises";
import type { EngineProcess, ProcessEnd } from "./child-process.js";
import type { Engine, EngineExit } from "./engine.js";

/** How long a child may take to give its answers up and free its model before it is killed. */
const STOP_TIMEOUT_MS = 5_000;

/** An engine whose child serves. */
export class RunningEngine implements Engine {
  readonly baseUrl: string;
  readonly apiKey: string;
  readonly pid: number;
  readonly #child: EngineProcess;
  #stopped: Promise<void> | undefined;

  constructor(
    child: EngineProcess,
    options: {
      readonly port: number;
      readonly apiKey: string;
      readonly onExit: ((exit: EngineExit) => void) | undefined;
    },
  ) {
    this.baseUrl = `http://127.0.0.1:${options.port}/v1`;
    this.apiKey = options.apiKey;
    this.pid = child.pid;
    this.#child = child;
    child.forgetOutput();
    void child.ended.then((end) => options.onExit?.(this.#exit(end)));
  }

  stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  async #stop(): Promise<void> {
    this.#child.send({ type: "stop" });
    const inTime = new AbortController();
    const timeout = delay(STOP_TIMEOUT_MS, "late", { signal: inTime.signal }).catch(() => "in time");
    await Promise.race([this.#child.ended, timeout]);
    inTime.abort();
    this.#child.kill();
    await this.#child.ended;
  }

  #exit({ exitCode, signal }: ProcessEnd): EngineExit {
    return this.#stopped === undefined ? { type: "crashed", exitCode, signal } : { type: "stopped" };
  }
}
