import { type Clock, describeFault, repeat } from "@hearth/platform";
import {
  type CoordinatorFrame,
  type DataFrame,
  type HeartbeatFrame,
  negotiateVersion,
  type RegisterFrame,
} from "@hearth/protocol";
import type { JobOutlet } from "../jobs/job.js";
import type { JobTable, JobTableHooks } from "../jobs/job-table.js";
import type { Logger } from "../platform/logger.js";
import type { Connection, Dial } from "./connection.js";

type Frame<T extends CoordinatorFrame["type"]> = Extract<CoordinatorFrame, { readonly type: T }>;

/** Frames that concern the machine as a whole. They may come while it registers, too. */
export type MachineFrame = Frame<"challenge" | "runtime_status" | "heartbeat_ack">;

/** The coordinator has let the machine in. */
export type RegisteredFrame = Frame<"registered">;

/** The jobs of one connection. */
export type SessionJobs = Pick<JobTable, "size" | "settled" | "control" | "data" | "refuse" | "abandon">;

/** How long running jobs may take to end when the agent or the coordinator leaves, ms. */
export const LEAVE_TIMEOUT_MS = 30_000;
/** The same after `go_away`, ms, unless the owner says otherwise. The coordinator sets the bound; this is for one that never does. */
export const GO_AWAY_TIMEOUT_MS = 2_400_000;
/** How long to wait for the coordinator to confirm that it knows of the leaving, ms. */
export const BARRIER_TIMEOUT_MS = 5_000;
/** A connection that may have died while the machine slept must show life within this, ms. */
const WAKE_PONG_MS = 5_000;

/** How to leave, and how long running jobs may take to end, ms. */
export interface Leave {
  readonly farewell: "drain" | "nothing";
  readonly limitMs: number;
}

/** How a session ended. */
export interface SessionEnd {
  readonly code: number;
  readonly problem: string | undefined;
  readonly phase: Phase["type"];
  /** How long it was registered, ms; 0 = it never was. */
  readonly servedMs: number;
}

/** What every session asks of the rest of the agent. */
export interface MachineHooks {
  /** The jobs of a new connection. */
  jobs(outlet: JobOutlet, hooks: Pick<JobTableHooks, "settled">): SessionJobs;
  /** @param url the coordinator's */
  registerFrame(url: string, connection: Connection): Promise<RegisterFrame>;
  heartbeatFrame(): HeartbeatFrame;
  /** Takes what is neither about a job nor about the connection. */
  control(frame: MachineFrame, connection: Connection): void;
}

export interface SessionHooks extends MachineHooks {
  registered(frame: RegisteredFrame, connection: Connection): void;
  goAway(frame: Frame<"go_away">): void;
  /** Called once; its jobs have ended by then. */
  closed(end: SessionEnd): void;
}

export interface SessionDeps {
  readonly dial: Dial;
  readonly clock: Clock;
  readonly log: Logger;
  readonly hooks: SessionHooks;
}

type Phase =
  | { readonly type: "dialling" }
  | { readonly type: "registered"; readonly heartbeats: Disposable; readonly since: number }
  /** Finishing what runs, and waiting for the coordinator to know. */
  | {
      readonly type: "leaving";
      readonly since: number;
      readonly limit: Disposable;
      readonly barrier: Disposable;
      readonly confirmed: boolean;
    }
  | { readonly type: "closed" };

/** One coordinator's connection and the jobs that came over it, from dialling to the end. */
export class Session {
  readonly #deps: SessionDeps;

  readonly #connection: Connection;
  readonly #jobs: SessionJobs;
  /** The coordinator's URL. */
  readonly coordinator: string;
  #phase: Phase = { type: "dialling" };

  constructor(url: string, deps: SessionDeps) {
    this.coordinator = url;
    this.#deps = deps;
    this.#connection = deps.dial(url, {
      open: () => void this.#register(url),
      control: (frame) => this.#control(frame),
      data: (frame) => this.#data(frame),
      closed: (code, problem) => this.#closed(code, problem),
    });
    this.#jobs = deps.hooks.jobs(this.#connection, { settled: () => this.#leftIfDone() });
  }

  /** The connection, while it takes requests. */
  get serving(): Connection | undefined {
    return this.#phase.type === "registered" ? this.#connection : undefined;
  }

  get jobCount(): number {
    return this.#jobs.size;
  }

  /**
   * Takes nothing new, finishes what runs and closes. A request that crosses on the wire is refused; the connection
   * closes only when the coordinator has read the farewell, so that no request is left unanswered. A session that
   * leaves already gets another limit, from now on.
   */
  leave(leave: Leave): void {
    const phase = this.#phase;
    switch (phase.type) {
      case "dialling":
        return this.#connection.close("normal");
      case "registered":
        return this.#leave(phase, leave);
      case "leaving":
        phase.limit[Symbol.dispose]();
        this.#phase = { ...phase, limit: this.#limit(leave) };
        return;
      case "closed":
        return;
    }
  }

  /** The machine may have slept: finds out soon whether this connection still lives. */
  verify(): void {
    // One that was still being dialled is not worth waiting for.
    if (this.#phase.type === "dialling") this.#connection.close("normal");
    else this.#connection.verify(WAKE_PONG_MS);
  }

  /** Gives up what runs, and closes. */
  abandon(): void {
    this.#left();
  }

  #leave({ heartbeats, since }: Extract<Phase, { type: "registered" }>, leave: Leave): void {
    // Heartbeats offer slots, and over this connection there are none any more.
    heartbeats[Symbol.dispose]();
    const barrier = this.#deps.clock.setTimer(BARRIER_TIMEOUT_MS, () => this.#confirmed());
    this.#phase = { type: "leaving", since, limit: this.#limit(leave), barrier, confirmed: false };
    this.#jobs.refuse();
    if (leave.farewell === "drain") this.#connection.send({ type: "drain" });
    this.#connection.confirm(() => this.#confirmed());
  }

  #limit({ limitMs }: Leave): Disposable {
    return this.#deps.clock.setTimer(limitMs, () => this.#left());
  }

  #confirmed(): void {
    if (this.#phase.type !== "leaving") return;
    this.#phase = { ...this.#phase, confirmed: true };
    this.#leftIfDone();
  }

  #leftIfDone(): void {
    if (this.#phase.type === "leaving" && this.#phase.confirmed && this.#jobs.settled) this.#left();
  }

  #left(): void {
    this.#connection.close("normal");
    this.#jobs.abandon();
  }

  async #register(url: string): Promise<void> {
    try {
      const frame = await this.#deps.hooks.registerFrame(url, this.#connection);
      // Sending does nothing if the connection has ended meanwhile.
      this.#connection.send(frame);
    } catch (error) {
      this.#deps.log.error({ problem: describeFault(error) }, "cannot register");
      this.#connection.close("normal");
    }
  }

  #control(frame: CoordinatorFrame): void {
    switch (frame.type) {
      case "registered":
        return this.#registered(frame);
      case "go_away":
        return this.#goAway(frame);
      case "challenge":
      case "runtime_status":
      case "heartbeat_ack":
        return this.#deps.hooks.control(frame, this.#connection);
      case "sealing_context":
      case "request":
      case "cancel":
      case "credit":
        return this.#allow(this.#phase.type !== "dialling" && this.#jobs.control(frame));
    }
  }

  #data(frame: DataFrame): void {
    this.#allow(this.#phase.type !== "dialling" && this.#jobs.data(frame));
  }

  #allow(allowed: boolean): void {
    if (!allowed) this.#connection.close("protocol_violation");
  }

  #registered(frame: Frame<"registered">): void {
    const { version } = frame;
    const speaksIt = negotiateVersion({ min: version, max: version }) !== undefined;
    if (this.#phase.type !== "dialling" || !speaksIt) return this.#allow(false);
    const { clock, hooks } = this.#deps;
    const beat = (): void => this.#connection.send(hooks.heartbeatFrame());
    const heartbeats = repeat(clock, frame.heartbeat_interval_ms, beat);
    this.#phase = { type: "registered", heartbeats, since: clock.now() };
    hooks.registered(frame, this.#connection);
    beat();
  }

  #goAway(frame: Frame<"go_away">): void {
    if (this.#phase.type === "dialling" || this.#phase.type === "registered") this.#deps.hooks.goAway(frame);
  }

  #closed(code: number, problem: string | undefined): void {
    const phase = this.#phase;
    this.#phase = { type: "closed" };
    if (phase.type === "registered") phase.heartbeats[Symbol.dispose]();
    if (phase.type === "leaving") {
      phase.limit[Symbol.dispose]();
      phase.barrier[Symbol.dispose]();
    }
    this.#jobs.abandon();
    const servedMs = "since" in phase ? this.#deps.clock.now() - phase.since : 0;
    this.#deps.hooks.closed({ code, problem, phase: phase.type, servedMs });
  }
}
