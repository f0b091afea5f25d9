import { FakeClock } from "@hearth/platform/testing";
import { pino } from "pino";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createCredentials } from "../platform/credentials.js";
import { ENROLMENT_PRUNE_BATCH, type EnrolmentStore } from "../store/enrolment-store.js";
import { openMemoryStore } from "../store/sqlite/open-sqlite-store.js";
import type { Store } from "../store/store.js";
import type { DeviceRequest } from "./device-grants.js";
import { Enrolment } from "./enrolment.js";
import type { EnrolmentEvent } from "./enrolment-events.js";
import { ENROLMENT_LIMITS } from "./enrolment-limits.js";
import { showUserCode } from "./user-code.js";

const STUDIO: DeviceRequest = { identity: "s".repeat(43), name: "Studio", platform: "darwin", agentVersion: "0.1.0" };
const MINI: DeviceRequest = { ...STUDIO, identity: "m".repeat(43), name: "Mini" };
const ANNA = { account: "anna", address: "192.0.2.1" };
const SHARED = "shared-provider-token";

let clock: FakeClock;
let store: Store;
let events: EnrolmentEvent[];
let revoked: string[];
let moved: string[];
let logged: string;
let enrolment: Enrolment;

const logStream = {
  write(line: string): void {
    logged += line;
  },
};

const open = (enrolments: EnrolmentStore = store.enrolments): Promise<Enrolment> =>
  Enrolment.open({
    store: enrolments,
    clock,
    log: pino({ level: "trace" }, logStream),
    sharedTokens: createCredentials([{ secret: SHARED, account: "default" }]),
    hooks: {
      revoked: (identity, id) => revoked.push(`${identity[0]} ${id}`),
      moved: (id) => moved.push(id),
      counted: (event) => events.push(event),
    },
  });

beforeEach(async () => {
  clock = new FakeClock();
  store = openMemoryStore();
  events = [];
  revoked = [];
  moved = [];
  logged = "";
  enrolment = await open();
});

afterEach(async () => {
  await enrolment.close();
  expect(clock.pending).toBe(0);
  await store.close();
});

function ask(request = STUDIO, address = "198.51.100.7"): { deviceCode: string; userCode: string } {
  const codes = enrolment.requestDevice(request, address);
  if (codes.type === "full") throw new Error("full");
  return { deviceCode: codes.deviceCode, userCode: showUserCode(codes.grant.userCode) };
}

async function enrol(request = STUDIO, who = ANNA): Promise<{ token: string; id: string }> {
  const { deviceCode, userCode } = ask(request);
  expect(enrolment.decideDevice(userCode, "approved", who).type).toBe("found");
  const poll = await enrolment.pollDevice(deviceCode);
  if (poll.type !== "issued") throw new Error(poll.type);
  return { token: poll.token, id: poll.machine.id };
}

async function tokens(count: number, given: { account?: string; lifetimeMs?: number } = {}): Promise<string[]> {
  const created = await enrolment.createTokens({ account: "anna", count, lifetimeMs: 60_000, note: "", ...given });
  if (created === "account_full") throw new Error(created);
  return created.map(({ token }) => token);
}

describe("a device code", () => {
  it("brings an approved machine a token that is bound to its identity and the approver's account", async () => {
    const { token, id } = await enrol();
    expect(token).toMatch(/^hm-[A-Za-z0-9_-]{32,}$/);
    expect(enrolment.tokens.resolve(token)).toEqual({ account: "anna", identity: STUDIO.identity, enrolmentId: id });
    expect(events).toEqual(["device_requested", "device_approved", "machine_enrolled"]);
  });

  it("brings a denied machine nothing", async () => {
    const { deviceCode, userCode } = ask();
    enrolment.decideDevice(userCode, "denied", ANNA);
    expect(await enrolment.pollDevice(deviceCode)).toEqual({ type: "access_denied" });
    expect(events).toEqual(["device_requested", "device_denied"]);
  });

  it("issues one token when two polls race", async () => {
    const { deviceCode, userCode } = ask();
    enrolment.decideDevice(userCode, "approved", ANNA);
    const polls = await Promise.all([enrolment.pollDevice(deviceCode), enrolment.pollDevice(deviceCode)]);
    expect(polls.map(({ type }) => type)).toEqual(["issued", "invalid_grant"]);
  });

  it("is not lost when the store fails at that moment", async () => {
    const { deviceCode, userCode } = ask();
    enrolment.decideDevice(userCode, "approved", ANNA);
    const { addMachine } = store.enrolments;
    store.enrolments.addMachine = () => Promise.reject(new Error("disk full"));
    await expect(enrolment.pollDevice(deviceCode)).rejects.toThrow("disk full");
    store.enrolments.addMachine = addMachine;
    expect((await enrolment.pollDevice(deviceCode)).type).toBe("issued");
  });

  it("cannot be guessed: ten wrong user codes block the account and the address, the right code too", () => {
    const { userCode } = ask();
    for (let n = 0; n < ENROLMENT_LIMITS.wrongGuesses; n++) {
      expect(enrolment.findDevice("BBBB-BBBB", ANNA)).toEqual({ type: "unknown" });
    }
    const blocked = { type: "blocked", retryAfterMs: ENROLMENT_LIMITS.guessWindowMs };
    expect(enrolment.findDevice(userCode, ANNA)).toEqual(blocked);
    expect(enrolment.decideDevice(userCode, "approved", { account: "anna", address: "192.0.2.9" })).toEqual(blocked);
    expect(enrolment.decideDevice(userCode, "approved", { account: "ben", address: ANNA.address })).toEqual(blocked);
    expect(enrolment.findDevice(userCode, { account: "ben", address: "192.0.2.9" }).type).toBe("found");
    clock.advance(ENROLMENT_LIMITS.guessWindowMs);
    expect(enrolment.findDevice("BBBB-BBBB", ANNA)).toEqual({ type: "unknown" });
  });

  it("is not used up by what cannot be a code", () => {
    for (let n = 0; n < 50; n++) expect(enrolment.findDevice("AEIOU", ANNA)).toEqual({ type: "malformed" });
    expect(enrolment.findDevice(ask().userCode.toLowerCase(), ANNA).type).toBe("found");
  });
});

describe("an enrolment token", () => {
  it("enrols one machine for its account", async () => {
    const [first] = await tokens(2, { account: "ben" });
    expect(first).toMatch(/^he-[A-Za-z0-9_-]{32}$/);
    const exchange = await enrolment.redeemToken(first!, MINI, "192.0.2.1");
    if (exchange.type !== "issued") throw new Error(exchange.type);
    expect(exchange.machine).toMatchObject({ account: "ben", method: "enrolment_token", identity: MINI.identity });
    expect(enrolment.tokens.resolve(exchange.token)?.account).toBe("ben");
    expect(await enrolment.redeemToken(first!, STUDIO, "192.0.2.1")).toEqual({ type: "used" });
  });

  it("lets one of two that race with it win", async () => {
    const [token] = await tokens(1);
    const racers = [STUDIO, MINI].map((request) => enrolment.redeemToken(token!, request, "192.0.2.1"));
    expect((await Promise.all(racers)).map(({ type }) => type).sort()).toEqual(["issued", "used"]);
  });

  it("ends with its time, and when it is revoked", async () => {
    const [late] = await tokens(1);
    const created = await enrolment.listTokens({ limit: 1 });
    clock.advance(60_000);
    expect(await enrolment.redeemToken(late!, MINI, "192.0.2.1")).toEqual({ type: "expired" });
    expect(await enrolment.revokeToken(created[0]!.id)).toBe(false);
    const [leaked] = await tokens(1, { account: "ben" });
    const { id } = (await enrolment.listTokens({ limit: 1, account: "ben" }))[0]!;
    expect(await enrolment.revokeToken(id, "anna")).toBe(false);
    expect(await enrolment.revokeToken(id, "ben")).toBe(true);
    expect(await enrolment.redeemToken(leaked!, MINI, "192.0.2.1")).toEqual({ type: "revoked" });
  });

  it("blocks an address that guesses, not one whose tokens are spent, and a right one nowhere", async () => {
    const [token, spare] = await tokens(2);
    await enrolment.redeemToken(token!, MINI, "192.0.2.1");
    for (let n = 0; n < 30; n++) await enrolment.redeemToken(token!, MINI, "192.0.2.1");
    for (let n = 0; n < ENROLMENT_LIMITS.wrongGuesses; n++) {
      expect(await enrolment.redeemToken(`he-wrong-${n}`, MINI, "192.0.2.1")).toEqual({ type: "unknown" });
    }
    expect((await enrolment.redeemToken("he-again", MINI, "192.0.2.1")).type).toBe("blocked");
    expect((await enrolment.redeemToken("he-again", MINI, "192.0.2.2")).type).toBe("unknown");
    expect((await enrolment.redeemToken(spare!, MINI, "192.0.2.1")).type).toBe("issued");
  });

  it("is refused to an account with too many unused ones", async () => {
    for (let n = 0; n < 10; n++) await tokens(1_000);
    const more = { account: "anna", count: 1, lifetimeMs: 60_000, note: "" };
    expect(await enrolment.createTokens(more)).toBe("account_full");
    clock.advance(60_000);
    expect(await enrolment.createTokens(more)).toHaveLength(1);
  });
});

describe("a machine's token", () => {
  it("stands beside the shared tokens of the configuration", () => {
    expect(enrolment.tokens.resolve(SHARED)).toEqual({ account: "default" });
    expect(enrolment.tokens.resolve("hm-nobody's")).toBeUndefined();
    expect(enrolment.tokens.resolve("")).toBeUndefined();
  });

  it("ends at once when it is revoked, with word to whoever holds the connection", async () => {
    const { token, id } = await enrol();
    expect(await enrolment.revokeMachine(id, "ben")).toBe(false);
    expect(enrolment.tokens.resolve(token)).toBeDefined();
    expect(await enrolment.revokeMachine(id, "anna")).toBe(true);
    expect(enrolment.tokens.resolve(token)).toBeUndefined();
    expect(revoked).toEqual([`s ${id}`]);
    expect(await enrolment.revokeMachine(id)).toBe(false);
  });

  it("is another account's from the moment on at which the machine is given to it, also after a restart", async () => {
    const { token, id } = await enrol();
    const bens = await enrol(STUDIO, { ...ANNA, account: "ben" });
    expect(await enrolment.moveMachine(id, "ben")).toMatchObject({ type: "moved", from: "anna" });
    expect(enrolment.tokens.resolve(token)).toMatchObject({ account: "ben", enrolmentId: id });
    expect(enrolment.tokens.resolve(bens.token)).toBeUndefined();
    expect([moved, revoked]).toEqual([[id], [`s ${bens.id}`]]);
    expect(await enrolment.moveMachine(id, "ben")).toMatchObject({ type: "moved" });
    expect(await enrolment.moveMachine("mach_none", "ben")).toEqual({ type: "unknown" });
    expect(moved).toEqual([id]);
    await enrolment.close();
    enrolment = await open();
    expect(enrolment.tokens.resolve(token)).toMatchObject({ account: "ben" });
  });

  it("is replaced when the machine enrols again for the same account", async () => {
    const first = await enrol();
    const second = await enrol();
    expect(enrolment.tokens.resolve(first.token)).toBeUndefined();
    expect(enrolment.tokens.resolve(second.token)?.enrolmentId).toBe(second.id);
    expect(revoked).toEqual([`s ${first.id}`]);
    expect(events.filter((event) => event === "machine_replaced")).toHaveLength(1);
  });

  it("is not touched by another account that claims the same identity", async () => {
    const owner = await enrol();
    await enrol(STUDIO, { account: "mallory", address: "192.0.2.66" });
    expect(enrolment.tokens.resolve(owner.token)?.account).toBe("anna");
    expect(revoked).toEqual([]);
  });

  it("is known again after a restart, with when its machine was last seen", async () => {
    const { token, id } = await enrol();
    const gone = await enrol(MINI);
    await enrolment.revokeMachine(gone.id);
    clock.advance(5_000);
    enrolment.seen(id);
    await enrolment.close();
    enrolment = await open();
    expect(enrolment.tokens.resolve(token)?.enrolmentId).toBe(id);
    expect(enrolment.tokens.resolve(gone.token)).toBeUndefined();
    const machines = await enrolment.listMachines({ limit: 9 });
    expect(machines.find((machine) => machine.id === id)?.lastSeenAtMs).toBe(5_000);
  });

  it("is written down as seen once a minute, not with every word of its machine", async () => {
    const { id } = await enrol();
    let writes = 0;
    const { touch } = store.enrolments;
    store.enrolments.touch = (seen) => {
      writes += seen.size;
      return touch.call(store.enrolments, seen);
    };
    for (let n = 0; n < 24; n++) {
      enrolment.seen(id);
      clock.advance(5_000);
    }
    await enrolment.close();
    expect(writes).toBeGreaterThan(0);
    expect(writes).toBeLessThanOrEqual(3);
  });

  it("and every other secret stay out of the log and the store", async () => {
    const { deviceCode, userCode } = ask();
    enrolment.decideDevice(userCode, "approved", ANNA);
    const poll = await enrolment.pollDevice(deviceCode);
    const [enrolmentToken] = await tokens(1);
    await enrolment.redeemToken(enrolmentToken!, MINI, "192.0.2.1");
    const kept = JSON.stringify([await enrolment.listMachines({ limit: 9 }), await enrolment.listTokens({ limit: 9 })]);
    expect(logged).toContain("machine enrolled");
    for (const secret of [deviceCode, userCode, (poll as { token: string }).token, enrolmentToken!]) {
      expect(logged + kept).not.toContain(secret);
    }
  });

  it("is forgotten long after it was revoked", async () => {
    const { id } = await enrol();
    await enrolment.revokeMachine(id);
    clock.advance(ENROLMENT_LIMITS.retentionMs);
    expect(await enrolment.listMachines({ limit: 9 })).toHaveLength(1);
    clock.advance(2 * ENROLMENT_LIMITS.pruneIntervalMs);
    expect(await enrolment.listMachines({ limit: 9 })).toHaveLength(0);
  });

  it("is forgotten with all others of its age, batch by batch, until the end", async () => {
    const answers = [0, ENROLMENT_PRUNE_BATCH, 1];
    let asked = 0;
    const prune = async (): Promise<number> => {
      asked += 1;
      return answers.shift() ?? ENROLMENT_PRUNE_BATCH;
    };
    const another = await open({ ...store.enrolments, prune });
    const pass = async (ms: number): Promise<number> => {
      clock.advance(ms);
      await new Promise((resolve) => setImmediate(resolve));
      return asked;
    };
    expect(asked).toBe(1);
    expect([await pass(ENROLMENT_LIMITS.pruneIntervalMs), await pass(20), await pass(1_000)]).toEqual([2, 3, 3]);
    expect([await pass(ENROLMENT_LIMITS.pruneIntervalMs), await pass(20)]).toEqual([4, 5]);
    await another.close();
    expect([await pass(20), await pass(20)]).toEqual([5, 5]);
  });
});
