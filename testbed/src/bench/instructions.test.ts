import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { describe, expect, it } from "vitest";
import { countEvents, eventsIn } from "./instructions.js";

describe("what perf prints", () => {
  it("is a number of events", () => {
    const printed = "Events disabled\nEvents enabled\n123456789,,instructions:u,363122973,100.00,,\n";
    expect(eventsIn(printed)).toBe(123_456_789);
  });

  it("is the sum of both kinds of cores, of which one may have done nothing", () => {
    const core = "1000,,cpu_core/instructions:u/,363122973,100.00,,";
    expect(eventsIn(`${core}\n20,,cpu_atom/instructions:u/,10,2.00,,\n`)).toBe(1_020);
    expect(eventsIn(`${core}\n<not counted>,,cpu_atom/instructions:u/,0,0.00,,\n`)).toBe(1_000);
  });

  it.each([
    ["<not supported>,,instructions:u,0,100.00,,\n"],
    ["<not counted>,,instructions:u,0,100.00,,\n"],
    ["Error:\nAccess to performance monitoring and observability operations is limited.\n"],
    [""],
  ])("is nothing where nothing was counted: %j", (printed) => {
    expect(eventsIn(printed)).toBeUndefined();
  });
});

/** Events of the kernel are there on every machine; counters of the processor are not. */
const hasPerf =
  (eventsIn(spawnSync("perf", ["stat", "-x,", "-e", "page-faults:u", "--", "true"]).stderr?.toString() ?? "") ?? 0) > 0;

describe.skipIf(!hasPerf)("a count", () => {
  const SCRIPT = "process.stdin.on('data', () => console.log(Buffer.alloc(64 << 20, 1).length)); console.log('ready');";

  it("is of what the process does between its beginning and its end", async () => {
    const child = spawn(process.execPath, ["-e", SCRIPT], { stdio: ["pipe", "pipe", "ignore"] });
    await once(child.stdout, "data");
    const idle = await countEvents(child.pid ?? 0, "page-faults:u");
    const nothing = await idle.stop();
    const busy = await countEvents(child.pid ?? 0, "page-faults:u");
    child.stdin.write("go\n");
    await once(child.stdout, "data");
    const something = await busy.stop();
    child.kill();
    // 64 MiB in pages of 4 KiB, or in few larger ones.
    expect(something).toBeGreaterThan(30);
    expect(nothing ?? 0).toBeLessThan((something ?? 0) / 2);
  });

  it("is refused for a process that is not there", async () => {
    await expect(countEvents(2 ** 22 + 1, "page-faults:u")).rejects.toThrow("perf ended");
  });
});
