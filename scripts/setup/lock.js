import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "./repository.js";

const LOCK_FILE = join(ROOT, ".cache", "setup.lock");
const POLL_MS = 100;

/**
 * Runs `work` while no other process sets up this working copy: `npm run coordinator` and `npm run agent` started
 * together in a fresh clone must not install over each other.
 * @template T
 * @param {() => T} work
 * @returns {T}
 */
export function withSetUpLock(work) {
  mkdirSync(join(ROOT, ".cache"), { recursive: true });
  let told = false;
  while (!tryLock()) {
    if (!told) console.error("Another command is setting up this working copy; waiting for it …");
    told = true;
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, POLL_MS);
  }
  try {
    return work();
  } finally {
    rmSync(LOCK_FILE, { force: true });
  }
}

function tryLock() {
  try {
    writeFileSync(LOCK_FILE, String(process.pid), { flag: "wx" });
    return true;
  } catch (error) {
    if (error.code !== "EEXIST") throw error;
    if (!holderLives()) rmSync(LOCK_FILE, { force: true });
    return false;
  }
}

/** A holder that was killed leaves its file behind; the process id in it tells. */
function holderLives() {
  try {
    const pid = Number(readFileSync(LOCK_FILE, "utf8"));
    // Empty for the instant between the file's creation and its writing: somebody is there.
    if (pid === 0) return true;
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error.code === "EPERM";
  }
}
