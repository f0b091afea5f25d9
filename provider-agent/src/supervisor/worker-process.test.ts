import { describe, expect, it } from "vitest";
import { eventually } from "../testing/eventually.js";
import { processStartedAt } from "./process-start.js";
import { launchWorker } from "./worker-process.js";

/** A worker that speaks over its channel: a test hears when it is up. */
function run(script: string) {
  let lastMessage: unknown;
  const worker = launchWorker({ args: ["-e", script], env: {}, onMessage: (message) => (lastMessage = message) });
  const spoken = async (): Promise<unknown> => {
    await eventually(() => lastMessage !== undefined, 10_000);
    return lastMessage;
  };
  return { worker, spoken };
}

const isGone = (pid: number): boolean => processStartedAt(pid) === undefined;

describe("a worker's process", () => {
  it("tells how it ended", async () => {
    expect(await run("process.exit(7)").worker.exited).toEqual({ code: 7, signal: null });
    expect(await run("process.kill(process.pid, 'SIGKILL')").worker.exited).toEqual({ code: null, signal: "SIGKILL" });
  });

  it("is told to stop, and may take its time", async () => {
    const script = "process.on('SIGTERM', () => process.exit(5)); process.send('up'); setInterval(() => {}, 1e6)";
    const { worker, spoken } = run(script);
    await spoken();
    worker.stop();
    expect(await worker.exited).toEqual({ code: 5, signal: null });
  });

  it("takes what it started with it, however it ends", async () => {
    const script = `
      const child = require("child_process").spawn(process.execPath, ["-e", "setInterval(() => {}, 1e6)"], { stdio: "ignore" });
      process.send(child.pid);
      setInterval(() => {}, 1e6);`;
    const { worker, spoken } = run(script);
    const grandchild = Number(await spoken());
    expect(isGone(grandchild)).toBe(false);
    worker.kill();
    await worker.exited;
    await eventually(() => isGone(grandchild));
  });
});
