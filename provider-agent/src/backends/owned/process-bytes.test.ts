import { expect, it } from "vitest";
import { bytesTakenIn } from "./process-bytes.js";

const never = new AbortController().signal;
const MIB = 1024 * 1024;

it.skipIf(process.platform === "win32")("grows with what a process holds, in whole MiB", async () => {
  const before = (await bytesTakenIn(process.pid, never)) ?? 0;
  expect(before).toBeGreaterThan(10 * MIB);
  expect(before % MIB).toBe(0);
  const held = Buffer.alloc(256 * MIB, 1);
  expect(await bytesTakenIn(process.pid, never)).toBeGreaterThan(before + 128 * MIB);
  expect(held.length).toBe(256 * MIB);
});

it("is not known of a process that is not there", async () => {
  expect(await bytesTakenIn(2 ** 22 + 1, never)).toBeUndefined();
});
