import { CLOSE_CODES, type CloseReason, type ControlFrame, type CoordinatorFrame } from "@hearth/protocol";
import { describe, expect, it } from "vitest";
import type { AgentError } from "../platform/agent-error.js";
import { Backoff } from "../platform/backoff.js";
import { createLogger } from "../platform/logger.js";
import { VirtualClock } from "../testing/virtual-clock.js";
import type { Connection, ConnectionEvents } from "./connection.js";
import { LEAVE_TIMEOUT_MS, Reconciler, STABLE_MS } from "./reconciler.js";

/** A connection that a test speaks for. */
class Wire implements Connection {
  readonly sent: string[] = [];
  readonly congested = false;
  closeReason: CloseReason | undefined;
  readonly #events: ConnectionEvents;

  constructor(events: ConnectionEvents) {
    this.#events = events;
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
    this.#events.open();
  }

  hear(frame: CoordinatorFrame): void {
    this.#events.control(frame);
  }

  end(code: number = CLOSE_CODES.normal): void {
    this.#events.closed(code);
  }
}

class World {
  readonly clock = new VirtualClock();
  readonly wires: Wire[] = [];
  readonly jobs = {
    size: 0,
    allowed: true,
    abandoned: 0,
    control: () => this.jobs.allowed,
    data: () => this.jobs.allowed,
    abandon: () => {
      this.jobs.abandoned += 1;
      this.jobs.size = 0;
    },
  };
  readonly registered: string[] = [];
  readonly stopping = new AbortController();
  readonly reconciler: Reconciler;
  readonly ended: Promise<void>;
  outcome: "running" | "ended" | AgentError = "running";

  constructor() {
    this.reconciler = new Reconciler({
      dial: (events) => {
        const wire = new Wire(events);
        this.wires.push(wire);
        return wire;
      },
      clock: this.clock,
      backoff: new Backoff({ next: () => 1 }),
      log: createLogger("silent"),
      jobs: this.jobs,
      registerFrame: () => ({ type: "register" }) as never,
      heartbeatFrame: () => ({ type: "heartbeat", slots: [] }),
      onRegistered: (id) => this.registered.push(id),
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

  get wire(): Wire {
    return this.wires.at(-1) as Wire;
  }

  register(): Wire {
    this.wire.open();
    this.wire.hear({ type: "registered", version: 1, provider_id: "p", heartbeat_interval_ms: 5_000 });
    return this.wire;
  }
}

describe("the reconcile loop", () => {
  it("dials, registers, and beats at the coordinator's pace", () => {
    const world = new World();
    expect(world.reconciler.connection).toBeUndefined();
    const wire = world.register();
    expect(world.registered).toEqual(["p"]);
    expect(world.reconciler.connection).toBe(wire);
    expect(wire.sent).toEqual(["register", "heartbeat"]);
    world.clock.advance(15_000);
    expect(wire.sent.filter((type) => type === "heartbeat")).toHaveLength(4);
  });

  it("gives up what runs when the connection goes, and dials again after a growing delay", () => {
    const world = new World();
    for (const seconds of [1, 2, 4]) {
      world.register();
      world.jobs.size = 1;
      world.wire.end(1006);
      expect(world.jobs.size).toBe(0);
      expect(world.reconciler.connection).toBeUndefined();
      const dialled = world.wires.length;
      world.clock.advance(seconds * 1_000 - 1);
      expect(world.wires).toHaveLength(dialled);
      world.clock.advance(1);
      expect(world.wires).toHaveLength(dialled + 1);
    }
  });

  it("starts with small delays again only after a connection that lasted", () => {
    const world = new World();
    const delay = (lastedMs: number): number => {
      world.register();
      world.clock.advance(lastedMs);
      const dialled = world.wires.length;
      world.wire.end();
      let ms = 0;
      for (; world.wires.length === dialled; ms += 500) world.clock.advance(500);
      return ms;
    };
    expect([delay(0), delay(0), delay(0)]).toEqual([1_000, 2_000, 4_000]);
    expect([delay(STABLE_MS), delay(STABLE_MS - 1)]).toEqual([1_000, 2_000]);
  });

  it("finishes what runs when the coordinator goes away, and comes back when it asked for", () => {
    const world = new World();
    const wire = world.register();
    world.jobs.size = 1;
    wire.hear({ type: "go_away", reason: "restart", reconnect_after_ms: 3_000 });
    expect(world.reconciler.connection).toBeUndefined();
    expect(wire.closeReason).toBeUndefined();
    world.clock.advance(5_000);
    expect(wire.sent.filter((type) => type === "heartbeat")).toHaveLength(2);
    world.jobs.size = 0;
    world.reconciler.wake({ reason: "jobs_ended" });
    expect(wire.closeReason).toBe("normal");
    wire.end();
    world.clock.advance(3_999);
    expect(world.wires).toHaveLength(1);
    world.clock.advance(1);
    expect(world.wires).toHaveLength(2);
  });

  it("drains when it is told to stop, and ends with the connection", async () => {
    const world = new World();
    const wire = world.register();
    world.jobs.size = 2;
    world.stopping.abort();
    expect(wire.sent.at(-1)).toBe("drain");
    expect(wire.closeReason).toBeUndefined();
    world.jobs.size = 0;
    world.reconciler.wake({ reason: "jobs_ended" });
    expect(wire.closeReason).toBe("normal");
    wire.end();
    await world.ended;
    expect(world.outcome).toBe("ended");
    expect(world.clock.pending).toBe(0);
  });

  it("does not wait for ever for a job when it is told to stop", async () => {
    const world = new World();
    const wire = world.register();
    world.jobs.size = 1;
    world.stopping.abort();
    world.clock.advance(LEAVE_TIMEOUT_MS);
    expect(wire.closeReason).toBe("normal");
    expect(world.jobs.abandoned).toBe(1);
    wire.end();
    await world.ended;
    expect(world.clock.pending).toBe(0);
  });

  it("stops in whatever state it is", async () => {
    const dialling = new World();
    dialling.stopping.abort();
    expect(dialling.wire.closeReason).toBe("normal");
    dialling.wire.end(1006);
    const waiting = new World();
    waiting.wire.end(1006);
    waiting.stopping.abort();
    const leaving = new World();
    leaving.register().hear({ type: "go_away", reason: "restart", reconnect_after_ms: 0 });
    leaving.stopping.abort();
    leaving.wire.end();
    for (const world of [dialling, waiting, leaving]) {
      await world.ended;
      expect(world.outcome).toBe("ended");
      expect(world.clock.pending).toBe(0);
      expect(world.wires).toHaveLength(1);
    }
  });

  it.each([
    ["unauthorized", "unauthorized"],
    ["version_unsupported", "version_unsupported"],
  ] as const)("ends with an error when it is closed as %s: dialling again cannot help", async (reason, code) => {
    const world = new World();
    world.wire.open();
    world.wire.end(CLOSE_CODES[reason]);
    await world.ended;
    expect(world.outcome).toMatchObject({ code });
    expect(world.clock.pending).toBe(0);
  });

  it.each(["replaced", "untrusted", "liveness_timeout", "going_away", "message_too_big"] as const)(
    "goes on when it is closed as %s",
    (reason) => {
      const world = new World();
      world.register().end(CLOSE_CODES[reason]);
      world.clock.advance(60_000);
      expect(world.wires).toHaveLength(2);
      expect(world.outcome).toBe("running");
    },
  );

  it("closes a connection whose frames the protocol does not allow", () => {
    const world = new World();
    const wire = world.register();
    world.jobs.allowed = false;
    wire.hear({ type: "cancel", stream: 1, reason: "deadline" });
    expect(wire.closeReason).toBe("protocol_violation");
  });

  it("takes no notice of a second `registered`, nor of a `go_away` before the first", () => {
    const world = new World();
    world.wire.hear({ type: "go_away", reason: "x", reconnect_after_ms: 0 });
    const wire = world.register();
    wire.hear({ type: "registered", version: 1, provider_id: "q", heartbeat_interval_ms: 100 });
    expect(world.registered).toEqual(["p"]);
    world.clock.advance(4_999);
    expect(wire.sent.filter((type) => type === "heartbeat")).toHaveLength(1);
  });
});
