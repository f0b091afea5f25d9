import { FakeClock } from "@hearth/platform/testing";
import { describe, expect, it } from "vitest";
import { createLogger } from "../platform/logger.js";
import type { WorkerExit } from "./restart-policy.js";
import { STOP_GRACE_MS, Supervisor, type Worker } from "./supervisor.js";

class ScriptedWorker implements Worker {
  readonly pid = 1;
  readonly exited: Promise<WorkerExit>;
  readonly told: string[] = [];
  end: (exit: WorkerExit) => void = () => {};

  constructor() {
    this.exited = new Promise((resolve) => {
      this.end = resolve;
    });
  }

  stop(): void {
    this.told.push("stop");
  }

  kill(): void {
    this.told.push("kill");
    this.end({ code: null, signal: "SIGKILL" });
  }
}

const CRASH: WorkerExit = { code: 1, signal: null };

function start() {
  const clock = new FakeClock();
  const workers: ScriptedWorker[] = [];
  const launch = (): Worker => {
    workers.push(new ScriptedWorker());
    return workers.at(-1) as Worker;
  };
  const supervisor = new Supervisor({ clock, launch, log: createLogger("silent") });
  const ended = supervisor.run();
  ended.catch(() => {});
  const settle = async (): Promise<void> => {
    for (let i = 0; i < 10; i++) await Promise.resolve();
  };
  const crash = async (): Promise<void> => {
    workers.at(-1)?.end(CRASH);
    await settle();
  };
  return { clock, workers, supervisor, ended, settle, crash };
}

describe("the supervisor", () => {
  it("starts a crashed worker again, each time after its delay, and then says that it loops", async () => {
    const { clock, workers, ended, settle, crash } = start();
    for (const delayMs of [1_000, 2_000, 4_000, 8_000, 16_000]) {
      const before = workers.length;
      await crash();
      clock.advance(delayMs - 1);
      await settle();
      expect(workers).toHaveLength(before);
      clock.advance(1);
      await settle();
      expect(workers).toHaveLength(before + 1);
    }
    await crash();
    await expect(ended).rejects.toMatchObject({ code: "crash_loop" });
    expect(workers).toHaveLength(6);
    expect(clock.pending).toBe(0);
  });

  it("ends with the code of a worker that ended for good", async () => {
    for (const code of [0, 2, 3, 7]) {
      const { workers, ended, clock } = start();
      workers[0]?.end({ code, signal: null });
      expect(await ended).toBe(code);
      expect(clock.pending).toBe(0);
    }
  });

  it("passes each wish to stop on, and ends when the worker has", async () => {
    const { workers, supervisor, ended, clock } = start();
    supervisor.stop();
    supervisor.stop();
    expect(workers[0]?.told).toEqual(["stop", "stop"]);
    workers[0]?.end({ code: 0, signal: null });
    expect(await ended).toBe(0);
    expect(workers).toHaveLength(1);
    expect(clock.pending).toBe(0);
  });

  it("does not start again what crashes while it is being stopped", async () => {
    const { workers, supervisor, ended } = start();
    supervisor.stop();
    workers[0]?.end(CRASH);
    expect(await ended).toBe(1);
    expect(workers).toHaveLength(1);
  });

  it("ends a worker that does not stop within its time", async () => {
    const { workers, supervisor, ended, clock } = start();
    supervisor.stop();
    clock.advance(STOP_GRACE_MS - 1);
    expect(workers[0]?.told).toEqual(["stop"]);
    clock.advance(1);
    expect(workers[0]?.told).toEqual(["stop", "kill"]);
    expect(await ended).toBe(1);
  });

  it("stops at once while it waits to start a worker again", async () => {
    const { workers, supervisor, ended, crash, clock } = start();
    await crash();
    supervisor.stop();
    expect(await ended).toBe(0);
    expect(workers).toHaveLength(1);
    expect(clock.pending).toBe(0);
  });
});
