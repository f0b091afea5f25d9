import { FakeClock } from "@hearth/platform/testing";
import { afterEach, beforeEach, expect, it } from "vitest";
import { createLogger } from "../platform/logger.js";
import { NightlyAudit } from "./nightly-audit.js";
import type { Notice } from "./notices.js";

const HOUR_MS = 3_600_000;

let clock: FakeClock;
let audits: number[];
let mismatches: number;
let failing: boolean;
let told: Notice[];
let auditHour: number;
let nightly: NightlyAudit;

beforeEach(() => {
  clock = new FakeClock();
  audits = [];
  told = [];
  mismatches = 0;
  failing = false;
  auditHour = 3;
  const audit = async () => {
    audits.push(clock.wallTime() / HOUR_MS);
    if (failing) throw new Error("away");
    const mismatch = { check: "balance", subject: "anna", expected: "1", found: "2" };
    return { transfers: 7, reservations: 2, mismatches: Array(mismatches).fill(mismatch) };
  };
  const notices = { tell: (notice: Notice) => void told.push(notice) };
  const settings = () => ({ auditHour });
  nightly = new NightlyAudit({ clock, log: createLogger("silent"), store: { audit }, notices, settings });
});

afterEach(() => {
  nightly[Symbol.dispose]();
  expect(clock.pending).toBe(0);
});

async function pass(hours: number): Promise<void> {
  for (let minutes = 0; minutes < hours * 60; minutes += 10) {
    clock.advance(600_000);
    await nightly.ended();
  }
}

it("looks once a night at its hour, and is silent while the ledger adds up", async () => {
  await pass(48);
  expect(audits).toEqual([3, 27]);
  expect(told).toEqual([]);
  auditHour = 5;
  await pass(24);
  expect(audits).toEqual([3, 27, 53]);
  auditHour = -1;
  await pass(48);
  expect(audits).toHaveLength(3);
});

it("tells what does not add up once a night, and in numbers only", async () => {
  mismatches = 2;
  await pass(48);
  const data = { mismatches: 2, transfers: 7, reservations: 2 };
  expect(told).toEqual([
    { kind: "ledger.audit_failed", subject: "ledger/1970-01-01", once: "1970-01-01", data },
    { kind: "ledger.audit_failed", subject: "ledger/1970-01-02", once: "1970-01-02", data },
  ]);
});

it("tries again within the hour where the store does not answer", async () => {
  failing = true;
  await pass(3.5);
  expect(audits.length).toBeGreaterThan(1);
  failing = false;
  const before = audits.length;
  await pass(20);
  expect(audits).toHaveLength(before + 1);
});
