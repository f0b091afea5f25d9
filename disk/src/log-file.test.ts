import { closeSync, openSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { LogFile, type Timers } from "./log-file.js";

type Done = (error: Error | null, written: number) => void;

/** A descriptor and a clock in the test's hands. */
class Setting implements Timers {
  /** What has arrived. */
  text = "";
  /** How the next write ends; absent = it takes all. */
  next: { readonly code: string } | { readonly bytes: number } | "never" | undefined;
  attempts = 0;
  #timers: { readonly ms: number; readonly fire: () => void }[] = [];
  readonly log: LogFile = new LogFile({
    fd: 1,
    timers: this,
    gapLine: (lost, problem) => `gap ${lost} ${problem}\n`,
    write: (_fd, bytes, done) => this.#write(bytes, done),
  });

  setTimer(ms: number, fire: () => void): Disposable {
    const timer = { ms, fire };
    this.#timers.push(timer);
    return {
      [Symbol.dispose]: () => {
        this.#timers = this.#timers.filter((each) => each !== timer);
      },
    };
  }

  get timers(): readonly number[] {
    return this.#timers.map(({ ms }) => ms);
  }

  /** Lets the time of every timer come. */
  async elapse(): Promise<void> {
    for (const { fire } of this.#timers.splice(0)) fire();
    await this.settle();
  }

  /** Lets every write end. */
  async settle(): Promise<void> {
    for (let n = 0; n < 100; n++) await Promise.resolve();
  }

  #write(bytes: Uint8Array, done: Done): void {
    this.attempts++;
    const how = this.next;
    if (how === "never") return;
    queueMicrotask(() => {
      if (how !== undefined && "code" in how) return done(Object.assign(new Error("refused"), how), 0);
      const taken = bytes.subarray(0, how?.bytes ?? bytes.length);
      this.text += Buffer.from(taken).toString();
      done(null, taken.length);
    });
  }
}

const KIB = 1024;
const line = (name: string, bytes = 0): string => `${name}${".".repeat(bytes)}\n`;

describe("a log file", () => {
  it("writes lines in their order, whole also where a write takes a part", async () => {
    const setting = new Setting();
    setting.next = { bytes: 2 };
    for (const name of ["one", "two", "three"]) setting.log.write(line(name));
    await setting.settle();
    expect(setting.text).toBe("one\ntwo\nthree\n");
  });

  it("keeps lines while the disk is full, tries again by its clock only, and goes on when there is room", async () => {
    const setting = new Setting();
    setting.next = { code: "ENOSPC" };
    for (let n = 0; n < 50; n++) {
      setting.log.write(line(String(n)));
      await setting.settle();
    }
    expect(setting.log.health).toEqual({ type: "failing", problem: "ENOSPC" });
    expect(setting.attempts).toBe(1);
    await setting.elapse();
    expect(setting.attempts).toBe(2);
    setting.next = undefined;
    await setting.elapse();
    expect(setting.log.health).toEqual({ type: "written" });
    expect(setting.text).toBe(Array.from({ length: 50 }, (_, n) => line(String(n))).join(""));
    expect(setting.log.lostLines).toBe(0);
    expect(setting.timers).toEqual([]);
  });

  it("holds 1 MiB at most, counts what is lost on top, and says so where it is missing", async () => {
    const setting = new Setting();
    let counted = 0;
    setting.next = { code: "ENOSPC" };
    for (let n = 0; n < 1_200; n++) setting.log.write(line(String(n), KIB - 5));
    setting.log.onLost((lines) => {
      counted += lines;
    });
    setting.log.write(line("late", KIB));
    const { lostLines } = setting.log;
    expect(lostLines).toBeGreaterThan(150);
    expect(lostLines).toBeLessThan(200);
    expect(counted).toBe(lostLines);
    await setting.settle();
    setting.next = undefined;
    await setting.elapse();
    setting.log.write(line("after"));
    await setting.settle();
    const lines = setting.text.trimEnd().split("\n");
    expect(lines).toHaveLength(1_201 - lostLines + 2);
    expect(lines.slice(-2)).toEqual([`gap ${lostLines} ENOSPC`, "after"]);
  });

  it("takes a pipe that is full for no fault until lines are lost for it", async () => {
    const setting = new Setting();
    setting.next = { code: "EAGAIN" };
    setting.log.write(line("one"));
    await setting.settle();
    expect(setting.log.health).toEqual({ type: "written" });
    setting.log.write(line("large", 1024 * KIB));
    expect(setting.log.health).toEqual({ type: "failing", problem: "stalled" });
    setting.next = undefined;
    await setting.elapse();
    expect(setting.text).toBe("one\ngap 1 stalled\n");
    expect(setting.log.health).toEqual({ type: "written" });
  });
});

describe("closing a log file", () => {
  it("waits for what is being written", async () => {
    const setting = new Setting();
    setting.log.write(line("one"));
    expect(await setting.log.close()).toEqual({ unwritten: 0, problem: undefined });
    expect(setting.text).toBe("one\n");
  });

  it("tries once more, and tells how many lines could not be written and why", async () => {
    const setting = new Setting();
    setting.next = { code: "ENOSPC" };
    setting.log.write(line("one"));
    setting.log.write(line("two"));
    await setting.settle();
    expect(await setting.log.close()).toEqual({ unwritten: 2, problem: "ENOSPC" });
    expect(setting.attempts).toBe(2);
    expect(setting.timers).toEqual([]);
  });

  it("finds room that there is again", async () => {
    const setting = new Setting();
    setting.next = { code: "ENOSPC" };
    setting.log.write(line("one"));
    await setting.settle();
    setting.next = undefined;
    expect(await setting.log.close()).toEqual({ unwritten: 0, problem: undefined });
    expect(setting.text).toBe("one\n");
  });

  it("does not wait for ever for a reader that reads nothing", async () => {
    const setting = new Setting();
    setting.next = "never";
    setting.log.write(line("one"));
    const closed = setting.log.close();
    await setting.elapse();
    expect(await closed).toEqual({ unwritten: 1, problem: "stalled" });
  });
});

describe.skipIf(process.platform !== "linux")("a log file on a device that is always full", () => {
  it("fails with ENOSPC, and its exit hook ends", async () => {
    const fd = openSync("/dev/full", "w");
    try {
      const timers: Timers = { setTimer: () => ({ [Symbol.dispose]() {} }) };
      const log = new LogFile({ fd, timers, gapLine: () => "" });
      log.write(line("one"));
      expect(await log.close()).toEqual({ unwritten: 1, problem: "ENOSPC" });
      log.flushAtExit();
    } finally {
      closeSync(fd);
    }
  });
});
