import { spawn } from "node:child_process";
import { once } from "node:events";
import { expect, it } from "vitest";

const BUILT = new URL("../dist/index.js", import.meta.url).href;

/** Writes far more than a pipe holds, closes the log, and ends. */
const PROGRAM = `
  const { LogFile, stdoutDescriptor } = await import(${JSON.stringify(BUILT)});
  const setTimer = (ms, fire) => { const t = setTimeout(fire, ms); return { [Symbol.dispose]: () => clearTimeout(t) }; };
  const log = new LogFile({ fd: stdoutDescriptor(), timers: { setTimer }, gapLine: () => "" });
  for (let n = 0; n < 5000; n++) log.write("x".repeat(100) + "\\n");
  const { problem } = await log.close();
  process.stderr.write(problem + " ");
  process.exit(0);`;

it.skipIf(process.platform !== "linux")("lets a process end whose output is a pipe that nobody reads", async () => {
  // The reader stays until its group is killed.
  const command = '("$0" --input-type=module -e "$1"; echo "ended with $?" >&2) | sleep 600';
  const shell = spawn("sh", ["-c", command, process.execPath, PROGRAM], {
    stdio: ["ignore", "ignore", "pipe"],
    detached: true,
  });
  let said = "";
  shell.stderr?.on("data", (text) => {
    said += String(text);
  });
  try {
    while (!said.includes("ended")) await once(shell.stderr ?? shell, "data");
    expect(said).toBe("stalled ended with 0\n");
  } finally {
    if (shell.pid !== undefined) process.kill(-shell.pid, "SIGKILL");
  }
});
