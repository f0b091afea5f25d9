import type { Backoff } from "@hearth/platform";
import { CLOSE_CODES, type CoordinatorFrame, closeReason, isFatalClose } from "@hearth/protocol";
import { AgentError } from "../platform/agent-error.js";
import type { Connection } from "./connection.js";
import { CoordinatorList, STABLE_MS } from "./coordinator-list.js";
import {
  GO_AWAY_TIMEOUT_MS,
  LEAVE_TIMEOUT_MS,
  type MachineHooks,
  type RegisteredFrame,
  Session,
  type SessionDeps,
  type SessionEnd,
  type SessionHooks,
} from "./session.js";

type GoAway = Extract<CoordinatorFrame, { readonly type: "go_away" }>;

/** Everything that can wake the loop. Logs say the same words. */
export type Wake =
  | { readonly reason: "start" | "dial_due" | "stop" }
  | ({ readonly reason: "registered" } & Registered)
  | { readonly reason: "go_away"; readonly session: Session; readonly frame: GoAway }
  | { readonly reason: "session_closed"; readonly session: Session; readonly end: SessionEnd }
  /** The machine slept; timers are late by this much, ms. */
  | { readonly reason: "clock_jumped"; readonly missedMs: number };

/** A coordinator has let the agent in. */
export interface Registered {
  /** URL. */
  readonly coordinator: string;
  readonly frame: RegisteredFrame;
  readonly connection: Connection;
}

/** Where the agent stands, for its owner. */
export type Standing =
  | { readonly type: "connected" | "connecting" | "waiting"; readonly coordinator: string }
  | { readonly type: "stopped" };

/** Where the agent stands. Sessions that only finish what runs are beside that. */
type State =
  | { readonly phase: "idle" }
  | { readonly phase: "waiting"; readonly timer: Disposable; readonly until: number }
  | { readonly phase: "active"; readonly session: Session }
  | { readonly phase: "stopping" }
  | { readonly phase: "stopped" };

/** How long to leave the field to another agent of this identity, ms: doubled each time, up to the maximum. */
export const REPLACED_BACKOFF = { firstMs: 300_000, maxMs: 3_600_000 } as const;

/** So long after its token was ended an agent looks whether there is a new one, ms. */
export const NEW_TOKEN_MS = 3_000;

export interface ReconcilerHooks extends MachineHooks {
  registered(registered: Registered): void;
  /** Whether the owner has logged in anew, so that another registration would not be refused like the last. */
  hasNewToken?(coordinator: string): boolean;
  /** The connection that took requests, or was to take them, has ended. */
  lost?(code: number, problem: string | undefined): void;
}

export interface ReconcilerDeps extends Omit<SessionDeps, "hooks"> {
  /** At least one URL. */
  readonly coordinators: readonly string[];
  readonly backoff: Backoff;
  /** How long what runs may go on after `go_away`, ms; absent = `GO_AWAY_TIMEOUT_MS`. */
  readonly goAwayTimeoutMs?: number;
  readonly hooks: ReconcilerHooks;
}

/**
 * The agent as one reconcile loop: whatever happens wakes it with a reason, and it does what its state then asks for.
 * At most one connection takes requests at a time. Ends when told to stop, or with an error that reconnecting cannot
 * mend.
 */
export class Reconciler {
  readonly #deps: ReconcilerDeps;
  readonly #coordinators: CoordinatorList;
  readonly #finished: Promise<void>;
  /** Sessions that finish what runs, with how soon their coordinator wants to be dialled again. */
  readonly #leaving = new Map<Session, { readonly afterMs: number }>();
  #state: State = { phase: "idle" };
  #timesReplaced = 0;
  /** Whether a token that was good is good no more. */
  #isShutOut = false;
  #finish: (error?: AgentError) => void = () => {};

  constructor(deps: ReconcilerDeps) {
    this.#deps = deps;
    this.#coordinators = new CoordinatorList(deps.coordinators);
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
    return this.#state.phase === "active" ? this.#state.session.serving : undefined;
  }

  /** Where the agent stands, for its owner. */
  standing(): Standing {
    const { current: coordinator } = this.#coordinators;
    switch (this.#state.phase) {
      case "active":
        return { type: this.#state.session.serving === undefined ? "connecting" : "connected", coordinator };
      case "idle":
      case "waiting":
        return { type: "waiting", coordinator };
      case "stopping":
      case "stopped":
        return { type: "stopped" };
    }
  }

  wake(wake: Wake): void {
    this.#deps.log.trace({ reason: wake.reason, phase: this.#state.phase }, "woken");
    switch (wake.reason) {
      case "start":
      case "dial_due":
        return this.#dial();
      case "registered":
        return this.#deps.hooks.registered(wake);
      case "go_away":
        return this.#goAway(wake.session, wake.frame);
      case "session_closed":
        return this.#closed(wake.session, wake.end);
      case "clock_jumped":
        return this.#jumped(wake.missedMs);
      case "stop":
        return this.#stop();
    }
  }

  #dial(): void {
    if (this.#state.phase !== "idle" && this.#state.phase !== "waiting") return;
    const coordinator = this.#coordinators.current;
    const hooks: SessionHooks = {
      ...this.#deps.hooks,
      registered: (frame, connection) => this.wake({ reason: "registered", coordinator, frame, connection }),
      goAway: (frame) => this.wake({ reason: "go_away", session, frame }),
      closed: (end) => this.wake({ reason: "session_closed", session, end }),
    };
    const session: Session = new Session(coordinator, { ...this.#deps, hooks });
    this.#state = { phase: "active", session };
  }

  /** Goes elsewhere at once, if there is an elsewhere, or comes back after the delay; what runs is finished meanwhile. */
  #goAway(session: Session, { reason, reconnect_after_ms: afterMs }: GoAway): void {
    if (this.#state.phase !== "active" || this.#state.session !== session) return;
    const { log, backoff, goAwayTimeoutMs: limitMs = GO_AWAY_TIMEOUT_MS } = this.#deps;
    const elsewhere = this.#coordinators.hasOther;
    log.info({ reason, elsewhere, jobs: session.jobCount }, "coordinator goes away");
    this.#leaving.set(session, { afterMs });
    backoff.reset();
    if (elsewhere) this.#coordinators.skip();
    this.#dialAfter((elsewhere ? 0 : afterMs) + backoff.next());
    // A coordinator that this agent does not come back to should know.
    session.leave({ farewell: elsewhere ? "drain" : "nothing", limitMs });
  }

  #stop(): void {
    const state = this.#state;
    switch (state.phase) {
      case "active":
        this.#leaving.set(state.session, { afterMs: 0 });
        break;
      case "waiting":
        state.timer[Symbol.dispose]();
        break;
      case "idle":
        break;
      case "stopping":
      case "stopped":
        return;
    }
    this.#state = { phase: "stopping" };
    for (const session of [...this.#leaving.keys()]) session.leave({ farewell: "drain", limitMs: LEAVE_TIMEOUT_MS });
    this.#endIfDone();
  }

  #jumped(missedMs: number): void {
    const state = this.#state;
    this.#deps.log.info({ missedMs: Math.round(missedMs), phase: state.phase }, "clock jumped");
    for (const session of [...this.#leaving.keys()]) session.verify();
    if (state.phase === "active") state.session.verify();
    if (state.phase !== "waiting") return;
    state.timer[Symbol.dispose]();
    this.#dialAfter(Math.max(0, state.until - this.#deps.clock.now() - missedMs));
  }

  #closed(session: Session, end: SessionEnd): void {
    const { code, problem, phase } = end;
    this.#deps.log.info({ code, closed: closeReason(code), problem, phase }, "connection closed");
    const departure = this.#leaving.get(session);
    this.#leaving.delete(session);
    const state = this.#state;
    switch (state.phase) {
      case "active":
        if (state.session !== session) return;
        this.#deps.hooks.lost?.(code, problem);
        return this.#lost(end);
      case "stopping":
        return this.#endIfDone();
      case "waiting":
        if (departure !== undefined) this.#gone(session, departure.afterMs, state);
        return;
      case "idle":
      case "stopped":
        return;
    }
  }

  /** A coordinator that restarts refuses connections until it is gone: those refusals should not delay the next dial. */
  #gone({ coordinator }: Session, afterMs: number, waiting: Extract<State, { phase: "waiting" }>): void {
    if (coordinator !== this.#coordinators.current) return;
    const { backoff, clock } = this.#deps;
    backoff.reset();
    const dueMs = afterMs + backoff.next();
    if (clock.now() + dueMs >= waiting.until) return;
    waiting.timer[Symbol.dispose]();
    this.#dialAfter(dueMs);
  }

  /** The connection that took requests, or was to take them, is gone. */
  #lost(end: SessionEnd): void {
    const { code, servedMs } = end;
    const { backoff, log } = this.#deps;
    if (servedMs >= STABLE_MS) this.#isShutOut = false;
    if (code === CLOSE_CODES.unauthorized && this.#mayHaveNewToken(end)) {
      log.info("the token is good no more: the one that is kept now is tried");
      return this.#dialAfter(NEW_TOKEN_MS + backoff.next());
    }
    if (isFatalClose(code)) return this.#fail(fatal(code));
    if (code === CLOSE_CODES.replaced) return this.#stepBack();
    if (code === CLOSE_CODES.stale_attestation) log.warn("this machine's clock is wrong: set it, it is tried again");
    if (servedMs >= STABLE_MS) {
      backoff.reset();
      this.#timesReplaced = 0;
    }
    this.#coordinators.ended(servedMs);
    this.#dialAfter(backoff.next());
  }

  /** A new log-in ends the old token some moments before the new one is on disk: a session that was let in tries again. */
  #mayHaveNewToken({ phase }: SessionEnd): boolean {
    if (this.#deps.hooks.hasNewToken?.(this.#coordinators.current)) return true;
    if (phase === "dialling" || this.#isShutOut) return false;
    this.#isShutOut = true;
    return true;
  }

  /** Another agent has this identity. Coming back soon would push it out, and it would push this one out in turn. */
  #stepBack(): void {
    const { backoff, log } = this.#deps;
    const { firstMs, maxMs } = REPLACED_BACKOFF;
    const afterMs = Math.min(maxMs, firstMs * 2 ** this.#timesReplaced);
    this.#timesReplaced = Math.min(this.#timesReplaced + 1, 8);
    log.warn(
      { retryAfterSeconds: afterMs / 1_000 },
      "replaced: another agent with this identity is connected; stop one of them, or give it a data directory of its own",
    );
    this.#dialAfter(afterMs + backoff.next());
  }

  #dialAfter(afterMs: number): void {
    const { clock, log } = this.#deps;
    log.info({ afterMs: Math.round(afterMs), coordinator: this.#coordinators.current }, "reconnecting");
    const timer = clock.setTimer(afterMs, () => this.wake({ reason: "dial_due" }));
    this.#state = { phase: "waiting", timer, until: clock.now() + afterMs };
  }

  #endIfDone(): void {
    if (this.#leaving.size > 0) return;
    this.#state = { phase: "stopped" };
    this.#finish();
  }

  /** Ends for good: what still runs on other connections is given up. */
  #fail(error: AgentError): void {
    this.#state = { phase: "stopped" };
    for (const session of this.#leaving.keys()) session.abandon();
    this.#finish(error);
  }
}

function fatal(code: number): AgentError {
  return code === CLOSE_CODES.unauthorized
    ? new AgentError(
        "unauthorized",
        "The coordinator refuses this provider token: check HEARTH_PROVIDER_TOKEN, or run 'hearth-agent login'.",
      )
    : new AgentError("version_unsupported", "This agent and the coordinator have no protocol version in common.");
}
