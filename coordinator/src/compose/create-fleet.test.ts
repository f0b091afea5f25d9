import { EventEmitter } from "node:events";
import { FakeClock } from "@hearth/platform/testing";
import { encodeControl, LIMITS, type ProviderId } from "@hearth/protocol";
import { beforeEach, describe, expect, it } from "vitest";
import type { Registration } from "../fleet/registration.js";
import { Registry } from "../fleet/registry.js";
import { AttestationVerifier } from "../fleet/trust/attestation-verifier.js";
import { NO_RULES } from "../fleet/trust/runtime-manifest.js";
import { createLogger } from "../platform/logger.js";
import { registerFrame } from "../testing/register-frame.js";
import { type AddProvider, createFleet } from "./create-fleet.js";

let clock: FakeClock;
let registry: Registry;
let addProvider: AddProvider;
/** Connections that broke off: whose, when, and how many were connected. */
let lost: [ProviderId, number, number][];
beforeEach(() => {
  clock = new FakeClock();
  registry = new Registry(clock);
  lost = [];
  addProvider = createFleet({
    config: { maxConnectionsPerAccount: 10, goAwayTimeoutMs: 600_000 },
    clock,
    log: createLogger("silent"),
    registry,
    contexts: { forget() {} },
    knownModels: { departed() {} },
    enrolment: { seen() {} },
    verifier: new AttestationVerifier(clock, () => ({ type: "rejected" })),
    newChallenge: () => new Uint8Array(32),
    rules: () => NO_RULES,
    hooks: {
      registered() {},
      refused() {},
      connectionLost: (...told) => void lost.push(told),
      gone() {},
      unknownFrame() {},
      overRate() {},
      undigested() {},
      proved() {},
    },
  });
});

/** A socket whose other end answers nothing. */
class Socket extends EventEmitter {
  readonly OPEN = 1;
  readonly readyState = 1;
  readonly bufferedAmount = 0;
  send(): void {}
  ping(): void {}
  close(): void {}
  terminate(): void {}
}

/** A machine connects. */
function connect(provider: string): Socket {
  const socket = new Socket();
  const registration: Registration = {
    socket: socket as unknown as Registration["socket"],
    cork() {},
    provider: provider as ProviderId,
    holder: { account: "a" },
    version: 2,
    frame: registerFrame(),
    proved: undefined,
  };
  addProvider(registration, "127.0.0.1");
  return socket;
}

describe("a lost connection", () => {
  it("is told with its time and with how many were connected just before", () => {
    const [one, two] = [connect("one"), connect("two")];
    connect("three");
    clock.advance(1_500);
    one.emit("close");
    two.emit("close");
    expect(lost).toEqual([
      ["one", clock.now(), 3],
      ["two", clock.now(), 2],
    ]);
    expect(registry.size).toBe(1);
  });

  it("is one that answers no ping, too", () => {
    connect("one");
    for (let missed = 0; missed <= LIMITS.missedPongs; missed++) clock.advance(LIMITS.pingIntervalMs);
    expect(lost).toEqual([["one", clock.now(), 1]]);
  });

  it("is none of those that one of the two ends has meant to end", () => {
    const leaving = connect("leaving");
    leaving.emit("message", Buffer.from(encodeControl({ type: "drain" })), false);
    leaving.emit("close");
    const sentAway = connect("sent away");
    registry.link("sent away" as ProviderId)?.goAway("restart", 500);
    sentAway.emit("close");
    connect("replaced");
    connect("replaced");
    connect("guilty").emit("message", Buffer.from("{"), false);
    registry.distrust("replaced" as ProviderId);
    expect(registry.size).toBe(0);
    expect(lost).toEqual([]);
  });
});
