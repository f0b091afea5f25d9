import { Backoff } from "@hearth/platform";
import { FakeClock } from "@hearth/platform/testing";
import { CLOSE_CODES, type CloseReason, type ControlFrame, type CoordinatorFrame } from "@hearth/protocol";
import type { Connection, ConnectionHooks } from "../connection/connection.js";
import { Reconciler, type ReconcilerDeps } from "../connection/reconciler.js";
import type { AgentError } from "../platform/agent-error.js";
import { createLogger } from "../platform/logger.js";

/** A connection that a test speaks for. */
class Wire implements Connection {
  readonly sent: string[] = [];
  readonly congested = false;
  readonly url: string;
  closeReason: CloseReason | undefined;
  verified = 0;
  readonly #hooks: ConnectionHooks;
  #confirming: (() => void)[] = [];

  constructor(url: string, hooks: ConnectionHooks) {
    this.url = url;
    this.#hooks = hooks;
  }

  confirm(reached: () => void): void {
    this.#confirming.push(reached);
  }

  /** The coordinator has read everything. */
  pong(): void {
    for (const reached of this.#confirming.splice(0)) reached();
  }

  verify(): void {
    this.verified += 1;
  }

  send(frame: ControlFrame): void {
    this.sent.push(frame.type);
  }

  sendData(): void {}

  onWritable(): void {}

  close(reason: CloseReason): void {
    this.closeReason ??= reason;
  }

  open(): void {
    this.#hooks.open();
  }

  hear(frame: CoordinatorFrame): void {
    this.#hooks.control(frame);
  }

  end(code: number = CLOSE_CODES.normal): void {
    this.#hooks.closed(code);
  }
}

/** The jobs of one connection, as a test wants them. */
class FakeJobs {
  size = 0;
  unsigned = 0;
  allowed = true;
  refusing = false;
  abandoned = 0;
  readonly idle: () => void;

  constructor(idle: () => void) {
    this.idle = idle;
  }

  control = (): boolean => this.allowed;
  data = (): boolean => this.allowed;

  refuse(): void {
    this.refusing = true;
  }

  abandon(): void {
    this.abandoned += 1;
    this.size = 0;
  }

  get settled(): boolean {
    return this.size === 0 && this.unsigned === 0;
  }

  end(): void {
    this.size = 0;
    this.idle();
  }
}

export class World {
  readonly clock = new FakeClock();
  readonly wires: Wire[] = [];
  readonly tables: FakeJobs[] = [];
  readonly registered: string[] = [];
  readonly controls: string[] = [];
  readonly stopping = new AbortController();
  readonly reconciler: Reconciler;
  readonly ended: Promise<void>;
  hasNewToken = false;
  outcome: "running" | "ended" | AgentError = "running";

  constructor(coordinators: readonly string[] = ["ws://one"], settings: Pick<ReconcilerDeps, "goAwayTimeoutMs"> = {}) {
    this.reconciler = new Reconciler({
      ...settings,
      coordinators,
      dial: (url, hooks) => {
        const wire = new Wire(url, hooks);
        this.wires.push(wire);
        return wire;
      },
      clock: this.clock,
      backoff: new Backoff({ next: () => 1 }),
      log: createLogger("silent"),
      hooks: {
        jobs: (_outlet, { settled }) => {
          const table = new FakeJobs(settled);
          this.tables.push(table);
          return table;
        },
        registerFrame: async () => ({ type: "register" }) as never,
        hasNewToken: () => this.hasNewToken,
        heartbeatFrame: () => ({ type: "heartbeat", slots: [] }),
        control: (frame) => void this.controls.push(frame.type),
        registered: ({ frame }) => void this.registered.push(frame.provider_id),
      },
    });
    this.ended = this.reconciler.run(this.stopping.signal).then(
      () => {
        this.outcome = "ended";
      },
      (error: AgentError) => {
        this.outcome = error;
      },
    );
  }

  get jobs(): FakeJobs {
    return this.tables.at(-1) as FakeJobs;
  }

  get wire(): Wire {
    return this.wires.at(-1) as Wire;
  }

  register(): Wire {
    this.wire.hear({ type: "registered", version: 2, provider_id: "p", heartbeat_interval_ms: 5_000 });
    return this.wire;
  }
}
