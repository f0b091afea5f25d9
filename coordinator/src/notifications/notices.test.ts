import { FakeClock } from "@hearth/platform/testing";
import { afterEach, beforeEach, expect, it } from "vitest";
import { createLogger } from "../platform/logger.js";
import type { NewMessage } from "../store/ledger-store.js";
import { type NoticeKind, Notices } from "./notices.js";
import { DEFAULT_NOTIFICATIONS } from "./settings.js";

let clock: FakeClock;
let written: NewMessage[];
let broken: boolean;
let notices: Notices;
let settings: typeof DEFAULT_NOTIFICATIONS;

beforeEach(() => {
  clock = new FakeClock();
  written = [];
  broken = false;
  settings = { ...DEFAULT_NOTIFICATIONS, gapMs: 60_000, mostAnHour: 3, subjects: 5 };
  const addMessage = async (message: NewMessage): Promise<void> => {
    if (broken) throw new Error("away");
    written.push(message);
  };
  notices = new Notices({
    clock,
    log: createLogger("silent"),
    store: { addMessage },
    hearers: () => "operator",
    settings: () => settings,
  });
});

afterEach(() => {
  notices[Symbol.dispose]();
  expect(clock.pending).toBe(0);
});

function tell(kind: NoticeKind, subject = "m1"): Promise<void> {
  notices.tell({ kind, subject, isEnd: kind === "machine.back", data: { machine: subject } });
  return notices.write();
}

async function pass(ms: number): Promise<void> {
  clock.advance(ms);
  // Whoever looked just before then has found nothing due.
  await notices.write();
  await notices.write();
}

const kinds = (): readonly string[] => written.map(({ kind }) => kind);

it("tells each change of a state once, under an id of its own that a header can carry", async () => {
  await tell("machine.offline", "größe/1");
  await tell("machine.offline", "größe/1");
  await pass(60_000);
  await tell("machine.back", "größe/1");
  await pass(60_000);
  await tell("machine.offline", "größe/1");
  expect(kinds()).toEqual(["machine.offline", "machine.back", "machine.offline"]);
  expect(new Set(written.map(({ id }) => id)).size).toBe(3);
  for (const { id } of written) expect(id).toMatch(/^notice_[\w-]{22}$/);
});

it("waits between two messages about one subject, and tells how it stands then", async () => {
  await tell("machine.offline");
  for (let n = 0; n < 10; n++) {
    await pass(1_000);
    await tell("machine.back");
    await tell("machine.fenced");
  }
  expect(kinds()).toEqual(["machine.offline"]);
  await pass(60_000);
  expect(kinds()).toEqual(["machine.offline", "machine.fenced"]);
  await tell("machine.back");
  await tell("machine.fenced");
  await pass(120_000);
  expect(kinds()).toHaveLength(2);
});

it("tells no end of what it has not told", async () => {
  await tell("machine.back");
  expect(written).toEqual([]);
});

it("tells no more of one kind within an hour, and the rest later, where it still holds", async () => {
  for (const subject of ["a", "b", "c", "d", "e"]) await tell("machine.offline", subject);
  await tell("model.outage", "qwen");
  expect(kinds()).toEqual([...Array(3).fill("machine.offline"), "model.outage"]);
  await tell("machine.back", "d");
  await pass(3_600_000);
  expect(written.slice(4).map(({ payload }) => payload)).toEqual(['{"machine":"e"}']);
});

it("keeps so many subjects in mind, and no more", async () => {
  settings = { ...settings, mostAnHour: 0 };
  for (let n = 0; n < 100; n++) await tell("machine.offline", `m${n}`);
  settings = { ...settings, mostAnHour: 1_000 };
  await notices.write();
  expect(written).toHaveLength(5);
});

it("tells later what the store did not take", async () => {
  broken = true;
  await tell("machine.offline");
  expect(written).toEqual([]);
  broken = false;
  await pass(10_000);
  expect(kinds()).toEqual(["machine.offline"]);
  expect(written[0]?.nowMs).toBe(0);
});
