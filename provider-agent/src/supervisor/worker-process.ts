import { spawn } from "node:child_process";
import type { WorkerExit } from "./restart-policy.js";
import { NOT_STARTED, type Worker } from "./supervisor.js";

/** How a worker is started. */
export interface WorkerCommand {
  /** Script and arguments for this very Node. */
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Hears what the worker says over the channel. */
  readonly onMessage?: (message: unknown) => void;
}

/**
 * Starts a worker in a process group of its own, so that Ctrl-C in a terminal reaches only the supervisor, which passes
 * it on once. Its log goes where the supervisor's goes. The channel between the two closes when either ends, however it
 * ends: a worker that loses it stops, so that none outlives its supervisor.
 */
export function launchWorker({ args, env, onMessage }: WorkerCommand): Worker {
  const hasGroup = process.platform !== "win32";
  const child = spawn(process.execPath, [...args], {
    env,
    detached: hasGroup,
    windowsHide: true,
    stdio: ["ignore", "inherit", "inherit", "ipc"],
  });
  if (onMessage !== undefined) child.on("message", onMessage);
  const exited = new Promise<WorkerExit>((resolve) => {
    child.once("error", () => {
      if (child.pid === undefined) resolve(NOT_STARTED);
    });
    child.once("exit", (code, signal) => {
      killGroup(hasGroup ? child.pid : undefined);
      resolve({ code, signal });
    });
  });
  return {
    pid: child.pid,
    exited,
    stop() {
      // Windows has no signals that a program could act on; losing the channel says the same.
      if (hasGroup) child.kill("SIGTERM");
      else if (child.connected) child.disconnect();
      else child.kill();
    },
    kill() {
      child.kill("SIGKILL");
    },
  };
}

/** What a worker started must not outlive it: a backend that it owns, the embedded engine. */
function killGroup(pid: number | undefined): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, "SIGKILL");
  } catch {
    // Nobody is left in it.
  }
}

/** A worker whose supervisor is gone has this long to end what runs, ms. */
export const ORPHAN_GRACE_MS = 35_000;

/** Calls `lost` when the supervisor of this process goes away. Does nothing in a process that has none. */
export function onSupervisorLost(lost: () => void): void {
  if (!process.connected) return;
  process.once("disconnect", lost);
}
