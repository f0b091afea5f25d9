import { linkSync, mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describeFault, randomText } from "@hearth/platform";
import { z } from "zod";
import { AgentError } from "../platform/agent-error.js";
import { dataUnusable } from "../platform/data-directory.js";
import { type ProcessInfo, processStartedAt } from "./process-start.js";

const holderSchema = z.object({
  pid: z.int().positive(),
  /** As `processStartedAt` tells it: tells a process from a later one with its number. */
  started: z.string().max(256),
  /** Tells this lock from every other. */
  id: z.string().min(1).max(64),
});

type Holder = z.infer<typeof holderSchema>;

/** A claim to a dead agent's lock that is older than this was left by a process that died while taking it, ms. */
const CLAIM_STALE_MS = 10_000;
const TRIES = 20;

/** Only one agent of a name runs on a data directory: it holds this. */
export interface AgentLock extends Disposable {
  readonly path: string;
}

const lockPath = (dataDir: string, name: string): string => join(dataDir, `agent-${encodeURIComponent(name)}.lock`);

/** The running agent of this name, if there is one. */
export function lockHolder(dataDir: string, name: string): ProcessInfo | undefined {
  const holder = readHolder(lockPath(dataDir, name));
  return holder !== undefined && isAlive(holder) ? { pid: holder.pid, started: holder.started } : undefined;
}

/**
 * Takes the lock, also from an agent that died without giving it back.
 *
 * @throws AgentError `already_running`; `data_unusable` when the directory cannot be used
 */
export function takeLock(dataDir: string, name: string): AgentLock {
  const path = lockPath(dataDir, name);
  const own: Holder = { pid: process.pid, started: processStartedAt(process.pid) ?? "", id: randomText(12) };
  const draft = `${path}.${own.id}`;
  try {
    mkdirSync(dataDir, { recursive: true, mode: 0o700 });
    writeFileSync(draft, JSON.stringify(own), { mode: 0o600, flag: "wx" });
    for (let i = 0; i < TRIES; i++) if (tryTake(path, draft, name)) return held(path, own);
  } catch (cause) {
    if (cause instanceof AgentError) throw cause;
    throw dataUnusable(`The data directory ${dataDir} cannot be used`, cause);
  } finally {
    drop(draft);
  }
  throw new AgentError("already_running", `Others are starting an agent named '${name}' at this moment: ${path}.`);
}

/** Removes a file, if it can be. */
function drop(path: string): void {
  try {
    rmSync(path, { force: true });
  } catch {
    // Where nothing can be written, nothing was.
  }
}

/** @returns whether `draft` is the lock now; else it is worth trying again */
function tryTake(path: string, draft: string, name: string): boolean {
  // A link is complete from its first moment, and made only if there is nothing.
  if (wasDone(() => linkSync(draft, path), "EEXIST")) return true;
  const holder = readHolder(path);
  if (holder !== undefined && isAlive(holder)) throw running(holder, name);
  return takeOver(path, draft, holder);
}

/**
 * Replaces the lock of a dead agent. Each lock can be claimed once, so that of two who find the same one dead, the
 * slower does not replace the quicker's.
 */
function takeOver(path: string, draft: string, dead: Holder | undefined): boolean {
  const claim = `${path}.claim-${dead?.id ?? "unreadable"}`;
  if (!wasDone(() => writeFileSync(claim, "", { mode: 0o600, flag: "wx" }), "EEXIST")) {
    dropStaleClaim(claim);
    return false;
  }
  try {
    if (readHolder(path)?.id !== dead?.id) return false;
    renameSync(draft, path);
    return true;
  } finally {
    rmSync(claim, { force: true });
  }
}

function dropStaleClaim(claim: string): void {
  const age = fileAgeMs(claim);
  if (age !== undefined && age > CLAIM_STALE_MS) rmSync(claim, { force: true });
}

/** By the file system's own clock, to which `claim` and a new file agree. */
function fileAgeMs(path: string): number | undefined {
  const probe = `${path}.${randomText(6)}`;
  try {
    writeFileSync(probe, "", { mode: 0o600, flag: "wx" });
    return statSync(probe).mtimeMs - statSync(path).mtimeMs;
  } catch {
    return undefined;
  } finally {
    rmSync(probe, { force: true });
  }
}

function held(path: string, own: Holder): AgentLock {
  return {
    path,
    [Symbol.dispose]() {
      // Where it cannot be removed it is the lock of a process that has ended: the next agent takes it over.
      if (readHolder(path)?.id === own.id) drop(path);
    },
  };
}

function running({ pid }: Holder, name: string): AgentError {
  return new AgentError(
    "already_running",
    `An agent named '${name}' is already running (process ${pid}). Stop it with 'hearth-agent stop', or give this one another --name.`,
  );
}

/** A number of a process that has ended may be another's by now. */
function isAlive({ pid, started }: Holder): boolean {
  if (pid === process.pid) return processStartedAt(pid) === started;
  const now = processStartedAt(pid);
  return now !== undefined && (now === started || now === "" || started === "");
}

function readHolder(path: string): Holder | undefined {
  try {
    return holderSchema.safeParse(JSON.parse(readFileSync(path, "utf8"))).data;
  } catch {
    return undefined;
  }
}

/** @returns false when it failed with this code */
function wasDone(act: () => void, unless: string): boolean {
  try {
    act();
    return true;
  } catch (error) {
    if (describeFault(error).code === unless) return false;
    throw error;
  }
}
