import {
  CLOSE_CODES,
  type CoordinatorFrame,
  closeReason,
  type HeartbeatFrame,
  isFatalClose,
  type RegisterFrame,
} from "@hearth/protocol";
import type { JobTable } from "../jobs/job-table.js";
import { AgentError } from "../platform/agent-error.js";
import type { Backoff } from "../platform/backoff.js";
import { type Clock, repeat } from "../platform/clock.js";
import type { Logger } from "../platform/logger.js";
import type { Connection, Dial } from "./connection.js";

type Frame<T extends CoordinatorFrame["type"]> = Extract<CoordinatorFrame, { readonly type: T }>;

/** Everything that can wake the loop. Logs say the same words. */
export type Wake =
  | { readonly reason: "start" | "dial_due" | "socket_open" | "jobs_ended" | "stop" | "leave_timeout" }
  | { readonly reason: "registered"; readonly frame: Frame<"registered"> }
  | { readonly reason: "go_away"; readonly frame: Frame<"go_away"> }
  | { readonly reason: "socket_closed"; readonly code: number; readonly problem: string | undefined };

/** Where the agent stands. */
type State =
  | { readonly phase: "idle" }
  | { readonly phase: "waiting"; readonly timer: Disposable }
  | { readonly phase: "dialling"; readonly connection: Connection }
  | {
      readonly phase: "registered";
      readonly connection: Connection;
      readonly heartbeats: Disposable;
      readonly since: number;
    }
  /** Finishing what runs; then it stops, or dials again. */
  | {
      readonly phase: "leaving";
      readonly connection: Connection;
      readonly heartbeats?: Disposable;
      readonly timer?: Disposable;
      readonly next: { readonly type: "stop" } | { readonly type: "redial"; readonly afterMs: number };
    }
  | { readonly phase: "stopped" };

/** How long running jobs may take to end when the agent or the coordinator leaves, ms. */
export const LEAVE_TIMEOUT_MS = 30_000;
/** A registration that has lasted this long was a success: the next delay starts small again, ms. */
export const STABLE_MS = 10_000;

export interface ReconcilerDeps {
  readonly dial: Dial;
  readonly clock: Clock;
  readonly backoff: Backoff;
  readonly log: Logger;
  readonly jobs: Pick<JobTable, "size" | "control" | "data" | "abandon">;
  readonly registerFrame: () => RegisterFrame;
  readonly heartbeatFrame: () => HeartbeatFrame;
  readonly onRegistered: (providerId: string, connection: Connection) => void;
}

/**
 * The agent as one reconcile loop: whatever happens wakes it with a reason, and it does what its state then asks for.
 * Ends when told to stop, or with an error that reconnecting cannot mend.
 */
export class Reconciler {
  readonly #deps: ReconcilerDeps;
  readonly #finished: Promise<void>;
  #state: State = { phase: "idle" };
  #finish: (error?: AgentError) => void = () => {};

  constructor(deps: ReconcilerDeps) {
    this.#deps = deps;
    this.#finished = new Promise((resolve, reject) => {
      this.#finish = (error) => (error === undefined ? resolve() : reject(error));
    });
  }

  /** Runs until the signal aborts and everything has ended. @throws AgentError when reconnecting cannot help */
  run(signal: AbortSignal): Promise<void> {
    const stop = (): void => this.wake({ reason: "stop" });
    signal.addEventListener("abort", stop, { once: true });
    this.wake({ reason: signal.aborted ? "stop" : "start" });
    return this.#finished.finally(() => signal.removeEventListener("abort", stop));
  }

  /** The connection that takes requests now, if there is one. */
  get connection(): Connection | undefined {
    return this.#state.phase === "registered" ? this.#state.connection : undefined;
  }

  wake(wake: Wake): void {
    this.#deps.log.trace({ reason: wake.reason, phase: this.#state.phase }, "woken");
    switch (wake.reason) {
      case "start":
      case "dial_due":
        return this.#dial();
      case "socket_open":
        if (this.#state.phase === "dialling") this.#state.connection.send(this.#deps.registerFrame());
        return;
      case "registered":
        return this.#registered(wake.frame);
      case "go_away":
        return this.#leave({ type: "redial", afterMs: wake.frame.reconnect_after_ms });
      case "jobs_ended":
        return this.#leftIfIdle();
      case "leave_timeout":
        return this.#left();
      case "stop":
        return this.#stop();
      case "socket_closed":
        return this.#closed(wake.code, wake.problem);
    }
  }

  #dial(): void {
    if (this.#state.phase !== "idle" && this.#state.phase !== "waiting") return;
    const connection: Connection = this.#deps.dial({
      open: () => this.wake({ reason: "socket_open" }),
      control: (frame) => this.#control(connection, frame),
      data: (frame) => {
        if (!this.#deps.jobs.data(frame)) connection.close("protocol_violation");
      },
      closed: (code, problem) => this.wake({ reason: "socket_closed", code, problem }),
    });
    this.#state = { phase: "dialling", connection };
  }

  #control(connection: Connection, frame: CoordinatorFrame): void {
    switch (frame.type) {
      case "registered":
        return this.wake({ reason: "registered", frame });
      case "go_away":
        return this.wake({ reason: "go_away", frame });
      case "request":
      case "cancel":
      case "credit":
        if (!this.#deps.jobs.control(frame, connection)) connection.close("protocol_violation");
        return;
    }
  }

  #registered(frame: Frame<"registered">): void {
    if (this.#state.phase !== "dialling") return;
    const { clock, heartbeatFrame, onRegistered } = this.#deps;
    const { connection } = this.#state;
    const beat = (): void => connection.send(heartbeatFrame());
    const heartbeats = repeat(clock, frame.heartbeat_interval_ms, beat);
    this.#state = { phase: "registered", connection, heartbeats, since: clock.now() };
    onRegistered(frame.provider_id, connection);
    beat();
  }

  #stop(): void {
    const state = this.#state;
    switch (state.phase) {
      case "registered":
        state.connection.send({ type: "drain" });
        return this.#leave({ type: "stop" });
      case "leaving":
        this.#state = { ...state, next: { type: "stop" } };
        return;
      case "dialling":
        this.#state = { phase: "leaving", connection: state.connection, next: { type: "stop" } };
        return state.connection.close("normal");
      case "waiting":
        state.timer[Symbol.dispose]();
        return this.#end();
      case "idle":
      case "stopped":
        return this.#end();
    }
  }

  #leave(next: Extract<State, { phase: "leaving" }>["next"]): void {
    if (this.#state.phase !== "registered") return;
    const { connection, heartbeats } = this.#state;
    const timer = this.#deps.clock.setTimer(LEAVE_TIMEOUT_MS, () => this.wake({ reason: "leave_timeout" }));
    this.#state = { phase: "leaving", connection, heartbeats, timer, next };
    this.#deps.log.info({ next: next.type, jobs: this.#deps.jobs.size }, "leaving");
    this.#leftIfIdle();
  }

  #leftIfIdle(): void {
    if (this.#state.phase === "leaving" && this.#deps.jobs.size === 0) this.#left();
  }

  #left(): void {
    if (this.#state.phase !== "leaving") return;
    const { connection } = this.#state;
    connection.close("normal");
    this.#deps.jobs.abandon();
  }

  #closed(code: number, problem: string | undefined): void {
    const { log, clock, backoff, jobs } = this.#deps;
    const state = this.#state;
    if (state.phase !== "dialling" && state.phase !== "registered" && state.phase !== "leaving") return;
    if (state.phase !== "dialling") state.heartbeats?.[Symbol.dispose]();
    if (state.phase === "leaving") state.timer?.[Symbol.dispose]();
    log.info({ code, closed: closeReason(code), problem, phase: state.phase }, "connection closed");
    if (state.phase === "leaving" && state.next.type === "stop") return this.#end();
    if (isFatalClose(code)) return this.#end(fatal(code));
    if (state.phase === "leaving" || (state.phase === "registered" && clock.now() - state.since >= STABLE_MS)) {
      backoff.reset();
    }
    const wantedMs = state.phase === "leaving" && state.next.type === "redial" ? state.next.afterMs : 0;
    const afterMs = wantedMs + backoff.next();
    log.info({ afterMs: Math.round(afterMs) }, "reconnecting");
    this.#state = { phase: "waiting", timer: clock.setTimer(afterMs, () => this.wake({ reason: "dial_due" })) };
    jobs.abandon();
  }

  #end(error?: AgentError): void {
    this.#state = { phase: "stopped" };
    this.#deps.jobs.abandon();
    this.#finish(error);
  }
}

function fatal(code: number): AgentError {
  return code === CLOSE_CODES.unauthorized
    ? new AgentError("unauthorized", "The coordinator refuses this provider token: check HEARTH_PROVIDER_TOKEN.")
    : new AgentError("version_unsupported", "This agent and the coordinator have no protocol version in common.");
}
