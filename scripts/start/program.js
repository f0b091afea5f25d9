import { spawn } from "node:child_process";
import { join } from "node:path";
import { ROOT } from "../setup/repository.js";
import { openProgramLog, TERMINAL_LOG } from "./program-log.js";

const STOP_WITH_PARENT = new URL("./stop-with-parent.js", import.meta.url).href;
/** A program that drains its requests for longer than this is ended. */
const STOP_GRACE_MS = 10_000;

/**
 * @typedef {object} Program
 * @property {string} name
 * @property {Promise<string>} ended resolves with how it ended, in words
 * @property {() => Promise<void>} stop asks it to stop and waits; ends it after {@link STOP_GRACE_MS}
 * @property {() => void} kill ends it and everything it started, at once
 * @property {() => string} lastWords the tail of its log, or where to look
 */

/**
 * Starts one of Hearth's programs in a process group of its own: Ctrl-C then reaches only this process, which stops
 * the programs in the right order, and nothing that a program started can outlive it.
 * @param {{ name: string, main: string, args: string[], env: NodeJS.ProcessEnv }} what
 * @param {import("./settings.js").Settings} settings
 * @returns {Program}
 */
export function startProgram({ name, main, args, env }, settings) {
  const log = settings.showLogs ? TERMINAL_LOG : openProgramLog(name, settings.logDir);
  const child = spawn(process.execPath, ["--import", STOP_WITH_PARENT, join(ROOT, main), ...args], {
    cwd: ROOT,
    env,
    detached: process.platform !== "win32",
    stdio: log.stdio,
  });
  log.follow(child);
  let running = true;
  const ended = new Promise((resolve) => {
    child.once("error", (error) => resolve(`could not be started: ${error.message}`));
    // Not "exit": what it wrote last has been read only when its streams are closed.
    child.once("close", (code, signal) => resolve(signal ? `was ended by ${signal}` : `ended with exit code ${code}`));
  }).then((how) => {
    running = false;
    return how;
  });
  const kill = () => killGroup(child);
  const stop = async () => {
    if (running) child.kill("SIGTERM");
    const timer = setTimeout(kill, STOP_GRACE_MS);
    await ended;
    clearTimeout(timer);
    kill();
  };
  return { name, ended, stop, kill, lastWords: log.tail };
}

/** The group can outlive its leader by what the leader started; where there are no groups, the leader is all we have. */
function killGroup(child) {
  if (child.pid === undefined) return;
  try {
    if (process.platform === "win32") child.kill("SIGKILL");
    else process.kill(-child.pid, "SIGKILL");
  } catch (error) {
    if (error.code !== "ESRCH" && error.code !== "EPERM") throw error;
  }
}
