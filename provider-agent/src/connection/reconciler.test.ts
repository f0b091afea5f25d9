import { setImmediate as turn } from "node:timers/promises";
import { CLOSE_CODES } from "@hearth/protocol";
import { describe, expect, it } from "vitest";
import { World } from "../testing/fake-connections.js";
import { HOME_AFTER_MS, STABLE_MS } from "./coordinator-list.js";
import { NEW_TOKEN_MS, REPLACED_BACKOFF } from "./reconciler.js";

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
