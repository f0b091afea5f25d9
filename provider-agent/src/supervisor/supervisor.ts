import { type Clock, sleep } from "@hearth/platform";
import { AgentError, EXIT_CODES } from "../platform/agent-error.js";
import { exitCodeOf, RestartPolicy, type WorkerExit } from "./restart-policy.js";

/** A worker that runs. */
export interface Worker {
  readonly pid: number | undefined;
  /** Never rejects. A program that cannot be started ends with code 1. */
  readonly exited: Promise<WorkerExit>;
  /** Asks it to end what it does and stop. A second time means now. */
  stop(): void;
  /** Ends it, and what it started, at once. */
  kill(): void;
}

export interface SupervisorDeps {
  readonly launch: () => Worker;
  readonly clock: Clock;
  /** Told of what should not happen. */
  readonly log: SupervisorLog;
}

/** Of a supervisor's log: what it says is rare. */
export interface SupervisorLog {
  warn(fields: object, phrase: string): void;
  error(fields: object, phrase: string): void;
}

/** A worker that was asked to stop has this long; it gives its own jobs 30 s, ms. */
export const STOP_GRACE_MS = 40_000;

/**
 * Keeps one worker running until it stops of its own accord, stops for a reason that would come again, or crashes too
 * often.
 */
export class Supervisor {
  readonly #deps: SupervisorDeps;
  readonly #policy = new RestartPolicy();
  readonly #stopping = new AbortController();
  #worker: Worker | undefined;

  constructor(deps: SupervisorDeps) {
    this.#deps = deps;
  }

  /** Passes a wish to stop on to the worker; each call is one signal of the owner's. */
  stop(): void {
    this.#stopping.abort();
    this.#worker?.stop();
  }

  /**
   * Resolves with the exit code when it is over. No worker is left then.
   *
   * @throws AgentError `crash_loop`
   */
  async run(): Promise<number> {
    const { clock, log, launch } = this.#deps;
    const { signal } = this.#stopping;
    while (!signal.aborted) {
      const startedAtMs = clock.now();
      this.#worker = launch();
      const exit = await this.#seeToItsEnd(this.#worker);
      this.#worker = undefined;
      if (signal.aborted) return exitCodeOf(exit);
      const verdict = this.#policy.decide({ ...exit, startedAtMs, nowMs: clock.now() });
      switch (verdict.type) {
        case "done":
          return verdict.exitCode;
        case "crash_loop":
          throw new AgentError(
            "crash_loop",
            "The agent crashed more than 5 times within 10 minutes: it is not started again. Its log says why; 'hearth-agent doctor' may too.",
          );
        case "restart":
          log.warn({ ...exit, delayMs: verdict.delayMs, restarts: verdict.restarts }, "worker crashed");
          await sleep(clock, verdict.delayMs, signal);
      }
    }
    return 0;
  }

  /** Waits for its end, and brings it about when the worker was asked to stop and does not. */
  async #seeToItsEnd(worker: Worker): Promise<WorkerExit> {
    const { clock, log } = this.#deps;
    const { signal } = this.#stopping;
    let timer: Disposable | undefined;
    const arm = (): void => {
      timer = clock.setTimer(STOP_GRACE_MS, () => {
        log.error({ pid: worker.pid }, "worker does not stop");
        worker.kill();
      });
    };
    signal.addEventListener("abort", arm, { once: true });
    try {
      return await worker.exited;
    } finally {
      signal.removeEventListener("abort", arm);
      timer?.[Symbol.dispose]();
    }
  }
}

/** What a worker that cannot be started ends with. */
export const NOT_STARTED: WorkerExit = { code: EXIT_CODES.internal, signal: null };
