import { newSecret } from "@hearth/platform";
import { FakeClock } from "@hearth/platform/testing";
import { beforeEach, expect, it } from "vitest";
import { type DeviceGrant, DeviceGrants, type DeviceRequest } from "./device-grants.js";
import { ENROLMENT_LIMITS } from "./enrolment-limits.js";

const REQUEST: DeviceRequest = { identity: "i".repeat(43), name: "Studio", platform: "darwin", agentVersion: "0.1.0" };
const { codeLifetimeMs, openCodes, openCodesPerAddress } = ENROLMENT_LIMITS;

let clock: FakeClock;
let grants: DeviceGrants;

beforeEach(() => {
  clock = new FakeClock();
  grants = new DeviceGrants(clock, newSecret);
});

function open(address = "192.0.2.1"): { deviceCode: string; grant: DeviceGrant } {
  const codes = grants.open(REQUEST, address);
  if (codes.type === "full") throw new Error(`full of ${codes.of}`);
  return codes;
}

it("gives device codes of at least 256 bits, each another", () => {
  const codes = new Set(Array.from({ length: 20 }, () => open().deviceCode));
  expect(codes.size).toBe(20);
  for (const code of codes)
    expect(Buffer.from(code.slice("hd-".length), "base64url").length).toBeGreaterThanOrEqual(32);
});

it("is pending until somebody decides, and is spent by the poll that hears of the approval", () => {
  const { deviceCode, grant } = open();
  expect(grants.poll(deviceCode)).toEqual({ type: "authorization_pending" });
  expect(grants.decide(grant.userCode, { type: "approved", account: "anna" })).toBe(grant);
  expect(grants.poll(deviceCode)).toEqual({ type: "approved", grant, account: "anna" });
  expect(grants.poll(deviceCode)).toEqual({ type: "unknown" });
});

it("can be taken back to approved when what it was spent on failed", () => {
  const { deviceCode, grant } = open();
  grants.decide(grant.userCode, { type: "approved", account: "anna" });
  grants.poll(deviceCode);
  grants.restore(deviceCode, grant, "anna");
  expect(grants.poll(deviceCode).type).toBe("approved");
});

it("is decided once: the second word counts for nothing", () => {
  const { deviceCode, grant } = open();
  expect(grants.decide(grant.userCode, { type: "denied" })).toBe(grant);
  expect(grants.decide(grant.userCode, { type: "approved", account: "anna" })).toBeUndefined();
  expect(grants.find(grant.userCode)).toBeUndefined();
  expect(grants.poll(deviceCode)).toEqual({ type: "access_denied" });
  expect(grants.poll(deviceCode)).toEqual({ type: "access_denied" });
});

it("asks a machine that polls too soon to wait 5 s longer, each time", () => {
  const { deviceCode } = open();
  const pollAfter = (ms: number): string => {
    clock.advance(ms);
    return grants.poll(deviceCode).type;
  };
  expect(pollAfter(0)).toBe("authorization_pending");
  expect(pollAfter(5_000)).toBe("authorization_pending");
  expect(pollAfter(4_400)).toBe("slow_down");
  expect(pollAfter(5_000)).toBe("slow_down");
  expect(pollAfter(15_000)).toBe("authorization_pending");
  expect(pollAfter(14_400)).toBe("slow_down");
});

it("lets a poll pass that the network made half a second early", () => {
  const { deviceCode } = open();
  grants.poll(deviceCode);
  clock.advance(4_500);
  expect(grants.poll(deviceCode).type).toBe("authorization_pending");
});

it("expires after 15 minutes, approved or not, and says so for another 15", () => {
  const pending = open();
  const approved = open();
  grants.decide(approved.grant.userCode, { type: "approved", account: "anna" });
  clock.advance(codeLifetimeMs - 1);
  expect(grants.find(pending.grant.userCode)).toBe(pending.grant);
  clock.advance(1);
  expect(grants.find(pending.grant.userCode)).toBeUndefined();
  expect(grants.decide(pending.grant.userCode, { type: "denied" })).toBeUndefined();
  for (const { deviceCode } of [pending, approved]) expect(grants.poll(deviceCode)).toEqual({ type: "expired_token" });
  clock.advance(codeLifetimeMs);
  open();
  expect(grants.poll(pending.deviceCode)).toEqual({ type: "unknown" });
});

it("bounds the open codes of one address, and frees them as they expire or are spent", () => {
  const codes = Array.from({ length: openCodesPerAddress }, () => open());
  expect(grants.open(REQUEST, "192.0.2.1")).toEqual({ type: "full", of: "address" });
  open("192.0.2.2");
  const { deviceCode, grant } = codes[0]!;
  grants.decide(grant.userCode, { type: "approved", account: "anna" });
  grants.poll(deviceCode);
  open();
  expect(grants.open(REQUEST, "192.0.2.1")).toEqual({ type: "full", of: "address" });
  clock.advance(codeLifetimeMs);
  open();
});

it("bounds the open codes of everybody", () => {
  for (let n = 0; n < openCodes; n++) open(`address ${n}`);
  expect(grants.open(REQUEST, "another")).toEqual({ type: "full", of: "everybody" });
});

it("expires in time although we were paused", () => {
  const { deviceCode } = open();
  clock.pause(codeLifetimeMs - 1);
  expect(grants.poll(deviceCode)).toEqual({ type: "authorization_pending" });
  clock.pause(1);
  expect(grants.poll(deviceCode)).toEqual({ type: "expired_token" });
});
