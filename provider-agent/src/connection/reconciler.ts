import {
  CLOSE_CODES,
  type CoordinatorFrame,
  closeReason,
  type DataFrame,
  isFatalClose,
  type RegisterFrame,
} from "@hearth/protocol";
import type { JobTable } from "../jobs/job-table.js";
import { AgentError } from "../platform/agent-error.js";
import { type Clock, repeat } from "../platform/clock.js";
import type { Logger } from "../platform/logger.js";
import type { Rng } from "../platform/rng.js";
import { Backoff } from "./backoff.js";
import { Connection } from "./connection.js";

/** Everything that can wake the loop. Logs say the same words. */
export type WakeReason =
  | "start"
  | "dial_due"
  | "socket_open"
  | "registered"
  | "go_away"
  | "job_ended"
  | "socket_closed"
  | "stop"
  | "drain_over";

/** Where the agent stands. */
type State =
  | { readonly phase: "idle" }
  | { readonly phase: "waiting"; readonly timer: Disposable }
  | { readonly phase: "dialling"; readonly connection: Connection }
  | { readonly phase: "registered"; readonly connection: Connection; readonly heartbeats: Disposable }
  /** Finishing what runs; nothing new is taken. */
  | { readonly phase: "leaving"; readonly connection: Connection; readonly next: Departure; readonly timer: Disposable }
  | { readonly phase: "stopped" };

type Departure = { readonly type: "stop" } | { readonly type: "redial"; readonly afterMs: number };

/** How long running jobs may take to end when the agent or the coordinator leaves, ms. */
const LEAVE_TIMEOUT_MS = 30_000;

export interface ReconcilerDeps {
  readonly url: string;
  readonly clock: Clock;
  readonly rng: Rng;
  readonly log: Logger;
  readonly jobs: JobTable;
  readonly registerFrame: () => RegisterFrame;
  readonly heartbeat: (connection: Connection) => void;
  readonly onRegistered: (providerId: string) => void;
}

/**
 * The agent as one reconcile loop: whatever happens sets state and wakes it with a reason, and it does what the state
 * now asks for. Ends when told to stop, or with an error that reconnecting cannot mend.
 */
export class Reconciler {
  readonly #deps: ReconcilerDeps;
  readonly #backoff: Backoff;
  readonly #finished: Promise<void>;
  #state: State = { phase: "idle" };
  #finish: (error?: AgentError) => void = () => {};

  constructor(deps: ReconcilerDeps) {
    this.#deps = deps;
    this.#backoff = new Backoff(deps.rng);
    this.#finished = new Promise((resolve, reject) => {
      this.#finish = (error) => (error === undefined ? resolve() : reject(error));
    });
    deps.jobs.onIdle = () => this.#wake("job_ended");
  }

  /** Runs until the signal aborts and everything has ended. @throws AgentError when reconnecting cannot help */
  run(signal: AbortSignal): Promise<void> {
    const stop = (): void => this.#wake("stop");
    signal.addEventListener("abort", stop, { once: true });
    this.#wake(signal.aborted ? "stop" : "start");
    return this.#finished.finally(() => signal.removeEventListener("abort", stop));
  }

  /** The connection that takes requests now, if there is one. */
  get connection(): Connection | undefined {
    return this.#state.phase === "registered" ? this.#state.connection : undefined;
  }

  #wake(reason: WakeReason, detail: { readonly code?: number; readonly frame?: CoordinatorFrame } = {}): void {
    this.#deps.log.debug({ reason, phase: this.#state.phase }, "woken");
    switch (reason) {
      case "start":
      case "dial_due":
        return this.#dial();
      case "socket_open":
        return this.#socket()?.send(this.#deps.registerFrame());
      case "registered":
        return this.#registered(detail.frame);
      case "go_away":
        return this.#goAway(detail.frame);
      case "job_ended":
        return this.#leftIfIdle();
      case "drain_over":
        return this.#left();
      case "stop":
        return this.#stop();
      case "socket_closed":
        return this.#closed(detail.code ?? CLOSE_CODES.normal);
    }
  }

  #socket(): Connection | undefined {
    return "connection" in this.#state ? this.#state.connection : undefined;
  }

  #dial(): void {
    if (this.#state.phase !== "idle" && this.#state.phase !== "waiting") return;
    const { url, clock, log } = this.#deps;
    const connection: Connection = new Connection(url, {
      clock,
      log,
      events: {
        open: () => this.#wake("socket_open"),
        control: (frame) => this.#control(connection, frame),
        data: (frame) => this.#data(connection, frame),
        closed: (code) => this.#wake("socket_closed", { code }),
      },
    });
    this.#state = { phase: "dialling", connection };
  }

  #control(connection: Connection, frame: CoordinatorFrame): void {
    switch (frame.type) {
      case "registered":
        return this.#wake("registered", { frame });
      case "go_away":
        return this.#wake("go_away", { frame });
      case "request":
        if (!this.#deps.jobs.open(frame, connection)) connection.close("protocol_violation");
        return;
      case "cancel":
        return this.#deps.jobs.cancel(frame.stream, frame.reason);
      case "credit":
        return this.#deps.jobs.grant(frame.stream, frame.bytes);
    }
  }

  #data(connection: Connection, frame: DataFrame): void {
    if (!this.#deps.jobs.body(frame)) connection.close("protocol_violation");
  }

  #registered(frame: CoordinatorFrame | undefined): void {
    if (this.#state.phase !== "dialling" || frame?.type !== "registered") return;
    const { connection } = this.#state;
    this.#backoff.reset();
    const beat = (): void => this.#deps.heartbeat(connection);
    const heartbeats = repeat(this.#deps.clock, frame.heartbeat_interval_ms, beat);
    this.#state = { phase: "registered", connection, heartbeats };
    beat();
    this.#deps.onRegistered(frame.provider_id);
  }

  #goAway(frame: CoordinatorFrame | undefined): void {
    if (this.#state.phase !== "registered" || frame?.type !== "go_away") return;
    this.#leave({ type: "redial", afterMs: frame.reconnect_after_ms });
  }

  #stop(): void {
    switch (this.#state.phase) {
      case "registered":
        this.#state.connection.send({ type: "drain" });
        return this.#leave({ type: "stop" });
      case "leaving":
        this.#state = { ...this.#state, next: { type: "stop" } };
        return;
      case "waiting":
        this.#state.timer[Symbol.dispose]();
        return this.#end();
      case "dialling":
        this.#state.connection.close("normal");
        return this.#end();
      case "idle":
      case "stopped":
        return this.#end();
    }
  }

  #leave(next: Departure): void {
    if (this.#state.phase !== "registered") return;
    const { connection, heartbeats } = this.#state;
    heartbeats[Symbol.dispose]();
    const timer = this.#deps.clock.setTimer(LEAVE_TIMEOUT_MS, () => this.#wake("drain_over"));
    this.#state = { phase: "leaving", connection, next, timer };
    this.#leftIfIdle();
  }

  #leftIfIdle(): void {
    if (this.#state.phase === "leaving" && this.#deps.jobs.size === 0) this.#left();
  }

  #left(): void {
    if (this.#state.phase !== "leaving") return;
    const { connection } = this.#state;
    this.#deps.jobs.abandon();
    connection.close("normal");
  }

  #closed(code: number): void {
    const before = this.#state;
    if (before.phase === "stopped" || before.phase === "idle" || before.phase === "waiting") return;
    this.#deps.jobs.abandon();
    if (before.phase === "registered") before.heartbeats[Symbol.dispose]();
    if (before.phase === "leaving") before.timer[Symbol.dispose]();
    this.#deps.log.info({ code, reason: closeReason(code) ?? "unknown", phase: before.phase }, "connection closed");
    if (before.phase === "leaving" && before.next.type === "stop") return this.#end();
    if (isFatalClose(code)) return this.#end(fatal(code));
    const wanted = before.phase === "leaving" && before.next.type === "redial" ? before.next.afterMs : 0;
    this.#redial(wanted + this.#backoff.next());
  }

  #redial(afterMs: number): void {
    this.#deps.log.info({ afterMs: Math.round(afterMs) }, "reconnecting");
    this.#state = { phase: "waiting", timer: this.#deps.clock.setTimer(afterMs, () => this.#wake("dial_due")) };
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
