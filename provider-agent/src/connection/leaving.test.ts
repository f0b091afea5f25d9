import { CLOSE_CODES } from "@hearth/protocol";
import { describe, expect, it } from "vitest";
import { World } from "../testing/fake-connections.js";
import { BARRIER_TIMEOUT_MS, GO_AWAY_TIMEOUT_MS, LEAVE_TIMEOUT_MS } from "./session.js";

const GO_AWAY = { type: "go_away", reason: "restart", reconnect_after_ms: 3_000 } as const;

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

  it("gives it up after as long as its owner allows", () => {
    const world = new World(["ws://one"], { goAwayTimeoutMs: 60_000 });
    const old = world.register();
    world.jobs.size = 1;
    old.hear({ ...GO_AWAY, reconnect_after_ms: 600_000 });
    world.clock.advance(59_999);
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
