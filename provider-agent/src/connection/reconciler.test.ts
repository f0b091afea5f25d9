import { setImmediate as turn } from "node:timers/promises";
import { FakeClock } from "@hearth/platform/testing";
import { CLOSE_CODES, type CloseReason, type ControlFrame, type CoordinatorFrame } from "@hearth/protocol";
import { describe, expect, it } from "vitest";
import type { AgentError } from "../platform/agent-error.js";
import { Backoff } from "../platform/backoff.js";
import { createLogger } from "../platform/logger.js";
import type { Connection, ConnectionHooks } from "./connection.js";
import { HOME_AFTER_MS, STABLE_MS } from "./coordinator-list.js";
import { NEW_TOKEN_MS, REPLACED_BACKOFF, Reconciler } from "./reconciler.js";
import { BARRIER_TIMEOUT_MS, GO_AWAY_TIMEOUT_MS, LEAVE_TIMEOUT_MS } from "./session.js";

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

class World {
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

  constructor(coordinators: readonly string[] = ["ws://one"]) {
    this.reconciler = new Reconciler({
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

const GO_AWAY = { type: "go_away", reason: "restart", reconnect_after_ms: 3_000 } as const;
const REGISTERED = { type: "registered", version: 2, provider_id: "q", heartbeat_interval_ms: 100 } as const;

describe("the reconcile loop", () => {
  it("dials, registers, and beats at the coordinator's pace", async () => {
    const world = new World();
    expect(world.reconciler.connection).toBeUndefined();
    world.wire.open();
    await turn();
    expect(world.wire.sent).toEqual(["register"]);
    const wire = world.register();
    expect(world.registered).toEqual(["p"]);
    expect(world.reconciler.connection).toBe(wire);
    expect(wire.sent).toEqual(["register", "heartbeat"]);
    world.clock.advance(15_000);
    expect(wire.sent.filter((type) => type === "heartbeat")).toHaveLength(4);
  });

  it("passes a challenge on before it is registered, and after", () => {
    const world = new World();
    const challenge = { type: "challenge", challenge: "x" } as const;
    world.wire.hear(challenge);
    world.register().hear(challenge);
    world.wire.hear({ type: "runtime_status", verified: true, mismatches: [] });
    expect(world.controls).toEqual(["challenge", "challenge", "runtime_status"]);
    expect(world.wire.closeReason).toBeUndefined();
  });

  it("gives up what runs when the connection goes, and dials again after a growing delay", () => {
    const world = new World();
    for (const seconds of [1, 2, 4]) {
      world.register();
      const { jobs } = world;
      jobs.size = 1;
      world.wire.end(1006);
      expect(jobs.size).toBe(0);
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

  it.each([
    ["unauthorized", "unauthorized"],
    ["version_unsupported", "version_unsupported"],
  ] as const)("ends with an error when it is closed as %s: dialling again cannot help", async (reason, code) => {
    const world = new World(["ws://one", "ws://two"]);
    world.wire.end(CLOSE_CODES[reason]);
    await world.ended;
    expect(world.outcome).toMatchObject({ code });
    expect(world.clock.pending).toBe(0);
  });

  it("tries once more when its token was ended, for its owner may have logged in anew", async () => {
    const world = new World();
    world.register().end(CLOSE_CODES.unauthorized);
    world.clock.advance(NEW_TOKEN_MS - 1);
    expect(world.wires).toHaveLength(1);
    world.clock.advance(1_001);
    expect(world.wires).toHaveLength(2);
    // It was let in, and shut out again: whoever does that means it.
    world.register().end(CLOSE_CODES.unauthorized);
    await world.ended;
    expect(world.outcome).toMatchObject({ code: "unauthorized" });
    expect(world.clock.pending).toBe(0);
  });

  it("registers anew after each refusal for as long as another token is kept than the one that was refused", async () => {
    const world = new World();
    world.hasNewToken = true;
    world.wire.end(CLOSE_CODES.unauthorized);
    world.clock.advance(NEW_TOKEN_MS + 1_000);
    expect(world.wires).toHaveLength(2);
    world.hasNewToken = false;
    world.wire.end(CLOSE_CODES.unauthorized);
    await world.ended;
    expect(world.outcome).toMatchObject({ code: "unauthorized" });
  });

  it.each(["stale_attestation", "untrusted", "liveness_timeout", "going_away", "message_too_big"] as const)(
    "goes on when it is closed as %s",
    (reason) => {
      const world = new World();
      world.register().end(CLOSE_CODES[reason]);
      world.clock.advance(60_000);
      expect(world.wires).toHaveLength(2);
      expect(world.outcome).toBe("running");
    },
  );

  it("leaves the field to another agent of its identity, longer each time", () => {
    const world = new World(["ws://one", "ws://two"]);
    for (const factor of [1, 2, 4]) {
      const dialled = world.wires.length;
      world.register().end(CLOSE_CODES.replaced);
      world.clock.advance(factor * REPLACED_BACKOFF.firstMs);
      expect(world.wires).toHaveLength(dialled);
      world.clock.advance(60_000);
      expect(world.wires).toHaveLength(dialled + 1);
    }
  });

  it.each([
    [
      "a frame that the jobs do not allow",
      (world: World) => {
        world.register();
        world.jobs.allowed = false;
        world.wire.hear({ type: "cancel", stream: 1, reason: "deadline" });
      },
    ],
    ["a version that was not offered", (world: World) => world.wire.hear({ ...REGISTERED, version: 3 })],
    ["a second `registered`", (world: World) => world.register().hear(REGISTERED)],
    [
      "a cancel before `registered`",
      (world: World) => world.wire.hear({ type: "cancel", stream: 1, reason: "deadline" }),
    ],
  ])("closes a connection over %s", (_what, misbehave) => {
    const world = new World();
    misbehave(world);
    expect(world.wire.closeReason).toBe("protocol_violation");
    expect(world.registered.length).toBeLessThanOrEqual(1);
  });
});

describe("leaving", () => {
  it("finishes what runs when the only coordinator goes away, and comes back when it asked for", () => {
    const world = new World();
    const wire = world.register();
    world.jobs.size = 1;
    wire.hear(GO_AWAY);
    expect(world.reconciler.connection).toBeUndefined();
    expect(world.jobs.refusing).toBe(true);
    expect(wire.closeReason).toBeUndefined();
    const oldJobs = world.jobs;
    world.clock.advance(3_999);
    expect(world.wires).toHaveLength(1);
    world.clock.advance(1);
    expect(world.wires).toHaveLength(2);
    const fresh = world.register();
    expect(world.reconciler.connection).toBe(fresh);
    world.clock.advance(BARRIER_TIMEOUT_MS + LEAVE_TIMEOUT_MS);
    expect(wire.sent).not.toContain("drain");
    expect(wire.sent.filter((type) => type === "heartbeat")).toHaveLength(1);
    expect(wire.closeReason).toBeUndefined();
    oldJobs.end();
    expect(wire.closeReason).toBe("normal");
    wire.end();
    world.clock.advance(60_000);
    expect(world.wires).toHaveLength(2);
    expect(world.reconciler.connection).toBe(fresh);
  });

  it("answers a challenge on the connection that it leaves, and on the new one", () => {
    const world = new World();
    const old = world.register();
    world.jobs.size = 1;
    old.hear(GO_AWAY);
    world.clock.advance(4_000);
    const fresh = world.register();
    old.hear({ type: "challenge", challenge: "x" });
    fresh.hear({ type: "challenge", challenge: "y" });
    expect(world.controls).toEqual(["challenge", "challenge"]);
  });

  it("is back soon after a coordinator that restarts has gone, however often it was refused meanwhile", () => {
    const world = new World();
    const old = world.register();
    world.jobs.size = 1;
    old.hear({ ...GO_AWAY, reconnect_after_ms: 0 });
    const oldJobs = world.jobs;
    for (let i = 0; i < 6; i++) {
      world.clock.advance(60_000);
      world.wire.end(1006);
    }
    const refused = world.wires.length;
    old.pong();
    oldJobs.end();
    old.end();
    world.clock.advance(1_000);
    expect(world.wires).toHaveLength(refused + 1);
  });

  it("gives up what runs on a connection that it was sent away from, when nobody else sets an end", () => {
    const world = new World();
    const old = world.register();
    world.jobs.size = 1;
    old.hear({ ...GO_AWAY, reconnect_after_ms: 600_000 });
    world.clock.advance(GO_AWAY_TIMEOUT_MS - 1);
    expect(old.closeReason).toBeUndefined();
    world.clock.advance(1);
    expect(old.closeReason).toBe("normal");
  });

  it("waits no longer than for any other connection for one that it was leaving when it is told to stop", () => {
    const world = new World();
    const old = world.register();
    world.jobs.size = 1;
    old.hear({ ...GO_AWAY, reconnect_after_ms: 600_000 });
    world.clock.advance(60_000);
    world.stopping.abort();
    world.clock.advance(LEAVE_TIMEOUT_MS - 1);
    expect(old.closeReason).toBeUndefined();
    world.clock.advance(1);
    expect(old.closeReason).toBe("normal");
  });

  it("goes elsewhere at once when there is an elsewhere, while the rest of the work is finished here", () => {
    const world = new World(["ws://one", "ws://two"]);
    const old = world.register();
    const oldJobs = world.jobs;
    oldJobs.size = 1;
    old.hear(GO_AWAY);
    expect(old.sent.at(-1)).toBe("drain");
    world.clock.advance(1_000);
    const fresh = world.register();
    expect(world.wires.map(({ url }) => url)).toEqual(["ws://one", "ws://two"]);
    expect(world.reconciler.connection).toBe(fresh);
    expect(old.closeReason).toBeUndefined();
    old.pong();
    oldJobs.end();
    expect(old.closeReason).toBe("normal");
    old.end();
    expect(world.reconciler.connection).toBe(fresh);
    world.clock.advance(60_000);
    expect(world.wires).toHaveLength(2);
  });

  it("is not startled when the connection that it leaves is replaced by its new one", () => {
    const world = new World(["ws://one", "ws://two"]);
    const old = world.register();
    world.jobs.size = 1;
    old.hear(GO_AWAY);
    world.clock.advance(1_000);
    const fresh = world.register();
    old.end(CLOSE_CODES.replaced);
    expect(world.tables[0]?.size).toBe(0);
    expect(world.reconciler.connection).toBe(fresh);
  });

  it("drains when it is told to stop, and closes when the work is done and the coordinator knows", async () => {
    for (const order of ["work first", "coordinator first"]) {
      const world = new World();
      const wire = world.register();
      world.jobs.size = 2;
      world.stopping.abort();
      expect(wire.sent.at(-1)).toBe("drain");
      expect(world.jobs.refusing).toBe(true);
      const steps = [() => world.jobs.end(), () => wire.pong()];
      if (order === "coordinator first") steps.reverse();
      steps[0]?.();
      expect(wire.closeReason).toBeUndefined();
      steps[1]?.();
      expect(wire.closeReason).toBe("normal");
      wire.end();
      await world.ended;
      expect(world.outcome).toBe("ended");
      expect(world.clock.pending).toBe(0);
    }
  });

  it("closes when the last receipt is sent, not when the last job has ended", () => {
    const world = new World();
    const wire = world.register();
    world.jobs.size = 1;
    world.jobs.unsigned = 1;
    world.stopping.abort();
    wire.pong();
    world.jobs.end();
    expect(wire.closeReason).toBeUndefined();
    world.jobs.unsigned = 0;
    world.jobs.idle();
    expect(wire.closeReason).toBe("normal");
  });

  it("does not wait for ever for a coordinator that confirms nothing, nor for a job", async () => {
    for (const [size, ms] of [
      [0, BARRIER_TIMEOUT_MS],
      [1, LEAVE_TIMEOUT_MS],
    ] as const) {
      const world = new World();
      const wire = world.register();
      world.jobs.size = size;
      world.stopping.abort();
      world.clock.advance(ms - 1);
      expect(wire.closeReason).toBeUndefined();
      world.clock.advance(1);
      expect(wire.closeReason).toBe("normal");
      expect(world.jobs.size).toBe(0);
      wire.end();
      await world.ended;
      expect(world.clock.pending).toBe(0);
    }
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
    leaving.register().hear(GO_AWAY);
    leaving.stopping.abort();
    leaving.wire.end();
    const between = new World(["ws://one", "ws://two"]);
    between.register().hear(GO_AWAY);
    between.stopping.abort();
    between.wire.end();
    for (const world of [dialling, waiting, leaving, between]) {
      await world.ended;
      expect(world.outcome).toBe("ended");
      expect(world.clock.pending).toBe(0);
      expect(world.wires).toHaveLength(1);
    }
  });
});

describe("several coordinators", () => {
  it("are tried in their order, and one that was good is tried again before the others", () => {
    const world = new World(["ws://one", "ws://two", "ws://three"]);
    world.wire.end(1006);
    world.clock.advance(60_000);
    world.register();
    world.clock.advance(STABLE_MS);
    world.wire.end(1006);
    for (let i = 0; i < 3; i++) {
      world.clock.advance(60_000);
      world.wire.end(1006);
    }
    expect(world.wires.map(({ url }) => url.slice(5))).toEqual(["one", "two", "two", "three", "one"]);
  });

  it("begin with the first again when another has served for long", () => {
    const world = new World(["ws://one", "ws://two"]);
    world.wire.end(1006);
    world.clock.advance(60_000);
    world.register();
    world.clock.advance(HOME_AFTER_MS);
    expect(world.wires).toHaveLength(2);
    world.wire.end(1006);
    world.clock.advance(60_000);
    expect(world.wire.url).toBe("ws://one");
  });
});

describe("a machine that slept", () => {
  it("asks every connection for a sign of life, and beats once for all the time", () => {
    const world = new World(["ws://one", "ws://two"]);
    const old = world.register();
    world.jobs.size = 1;
    old.hear(GO_AWAY);
    world.clock.advance(1_000);
    const fresh = world.register();
    const beats = fresh.sent.length;
    world.clock.jump(20_000);
    world.reconciler.wake({ reason: "clock_jumped", missedMs: 0 });
    expect([old.verified, fresh.verified]).toEqual([1, 1]);
    expect(fresh.sent.length - beats).toBe(1);
  });

  it("dials once what it should have dialled meanwhile, and no sooner what is due later", () => {
    const world = new World();
    world.register().hear({ ...GO_AWAY, reconnect_after_ms: 100_000 });
    world.wire.end();
    world.reconciler.wake({ reason: "clock_jumped", missedMs: 40_000 });
    expect(world.wires).toHaveLength(1);
    world.clock.advance(60_999);
    expect(world.wires).toHaveLength(1);
    world.clock.advance(1);
    expect(world.wires).toHaveLength(2);
    world.clock.advance(600_000);
    expect(world.wires).toHaveLength(2);
  });

  it("gives up what it was dialling, and dials anew", () => {
    const world = new World();
    world.reconciler.wake({ reason: "clock_jumped", missedMs: 3_600_000 });
    expect(world.wire.closeReason).toBe("normal");
    world.wire.end(1006);
    world.clock.advance(1_000);
    expect(world.wires).toHaveLength(2);
  });
});
