import { spawn } from "node:child_process";
import { ROOT } from "../setup/repository.js";

/**
 * Runs `npm start` as a terminal would: in a process group of its own, so that Ctrl-C can be sent to all of it.
 * @param {{ port: number, dataDir: string }} where
 */
export function npmStart({ port, dataDir }) {
  // The engine's process gets no HEARTH_ variable, and must be recognised all the same.
  const env = { ...process.env, HEARTH_PORT: String(port), HEARTH_DATA_DIR: dataDir, STARTED_FOR: dataDir };
  const child = spawn("npm", ["start"], { cwd: ROOT, env, detached: true, stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text) => {
      output += text;
    });
  }
  const closed = new Promise((resolve) => {
    child.once("close", (code, signal) => resolve(signal ?? code));
  });
  return {
    output: () => output,
    /** Resolves with the exit code or signal once the last process that holds the output has gone. */
    closed,
    /** @param {NodeJS.Signals} signal */
    signalGroup: (signal) => {
      try {
        process.kill(-child.pid, signal);
      } catch (error) {
        if (error.code !== "ESRCH") throw error;
      }
    },
  };
}
