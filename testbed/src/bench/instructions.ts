import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import type { Readable, Writable } from "node:stream";

/** What a program executes itself, without the kernel: unlike time, it hardly moves with what else the machine does. */
const EVENT = "instructions:u";

/** Counts an event of perf(1) in one process until it is told to stop. */
export interface Count {
  /** @returns events since the count began; `undefined` where there is nothing to tell */
  stop(): Promise<number | undefined>;
}

/** Begins a count. */
export type BeginCount = (pid: number) => Promise<Count>;

/** How instructions are counted here, or `undefined` where they cannot be: no perf, or no counter that we may read. */
export function findInstructionCounter(): BeginCount | undefined {
  const { stderr } = spawnSync("perf", ["stat", "-x,", "-e", EVENT, "--", process.execPath, "--version"], perfOptions);
  return eventsIn(stderr ?? "") === undefined ? undefined : (pid) => countEvents(pid, EVENT);
}

const perfOptions = { encoding: "utf8", env: { ...process.env, LC_ALL: "C" } } as const;

/**
 * Begins to count an event in all threads of a process. What is done meanwhile is counted from the return on.
 *
 * @throws Error where perf cannot do so
 */
export async function countEvents(pid: number, event: string): Promise<Count> {
  const perf = spawn("perf", ["stat", "-x,", "-e", event, "-p", String(pid), "-D", "-1", "--control", "fd:3,4"], {
    env: perfOptions.env,
    stdio: ["ignore", "ignore", "pipe", "pipe", "pipe"],
  });
  const said = textOf(perf.stdio[2] as Readable);
  await enabled(perf, said);
  return {
    async stop() {
      const closed = once(perf, "close");
      perf.kill("SIGINT");
      await closed;
      return eventsIn(said());
    },
  };
}

/** It says so when it counts: what is done before that would be missed. */
async function enabled(perf: ChildProcess, said: () => string): Promise<void> {
  const ended = new AbortController();
  const { signal } = ended;
  const gone = once(perf, "close", { signal }).then(() => {
    throw new Error(`perf ended:\n${said()}`);
  });
  (perf.stdio[3] as Writable).on("error", () => {}).write("enable\n");
  try {
    await Promise.race([gone, once(perf.stdio[4] as Readable, "data", { signal })]);
  } finally {
    ended.abort();
    gone.catch(() => {});
  }
}

function textOf(stream: Readable): () => string {
  let text = "";
  stream.setEncoding("utf8").on("data", (part: string) => {
    text += part;
  });
  return () => text;
}

/**
 * Reads what `perf stat -x,` prints: a line for each event, and for each kind of core where a machine has two, whose
 * sum it is.
 *
 * @returns `undefined` where nothing was counted (`<not supported>`, `<not counted>`)
 */
export function eventsIn(printed: string): number | undefined {
  const counts = printed.split("\n").flatMap((line) => {
    const [count = "", , event = ""] = line.split(",");
    return /^\d+(\.\d+)?$/.test(count) && event !== "" ? [Number(count)] : [];
  });
  return counts.length === 0 ? undefined : counts.reduce((sum, count) => sum + count, 0);
}
