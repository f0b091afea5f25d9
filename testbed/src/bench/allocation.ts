import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { type AllocationRecord, summariseAllocations } from "./allocation-profile.js";
import { pinSelf } from "./cores.js";
import type { Share } from "./cpu-profile.js";
import { chatJob } from "./job.js";
import { measureLoad } from "./measure-load.js";
import type { ProfileOptions } from "./profile.js";
import { API_KEY, type Bench } from "./run.js";
import { figure, markdownTable } from "./table.js";
import { startTargets } from "./targets.js";

const CONCURRENCY = 32;
const WARM_UP_MS = 3_000;
const LOAD_MS = 6_000;
/** How long writing the record may take, ms. */
const WRITE_MS = 20_000;
const ROWS = { modules: 30, self: 40, inclusive: 60 } as const;

/**
 * Loads Hearth and says what one program's main thread allocates for a request, and where, as Markdown. Unlike times,
 * this hardly differs from run to run or from machine to machine.
 */
export async function allocationOf(
  { processes, cores, progress }: Pick<Bench, "processes" | "cores" | "progress">,
  { program, stream }: Omit<ProfileOptions, "keep">,
): Promise<string> {
  pinSelf(cores);
  const folder = mkdtempSync(join(tmpdir(), "hearth-allocation-"));
  process.on("exit", () => rmSync(folder, { recursive: true, force: true }));
  const file = join(folder, "allocations.json");
  process.env["HEARTH_BENCH_ALLOCATIONS"] = file;
  progress("starting");
  const hook = fileURLToPath(new URL("allocation-hook.js", import.meta.url));
  const hearthFlags = { [program]: ["--import", hook] };
  const [hearth] = await startTargets(processes, { names: ["hearth"], apiKey: API_KEY, hearthFlags });
  const pid = (program === "coordinator" ? hearth?.front : hearth?.back)?.pid;
  if (hearth === undefined || pid === undefined) throw new Error("Hearth did not start");
  const job = chatJob(stream, API_KEY);
  progress("warming up");
  await measureLoad(hearth, job, { concurrency: CONCURRENCY, elapsedMs: WARM_UP_MS });
  progress("measuring");
  process.kill(pid, "SIGUSR2");
  const { requests } = await measureLoad(hearth, job, { concurrency: CONCURRENCY, elapsedMs: LOAD_MS });
  process.kill(pid, "SIGUSR2");
  const { head, scavenges, collectingMs } = await readRecord(file);
  await processes.stopAll();
  const summary = summariseAllocations(head);
  const bytes = summary.bytes / requests;
  return [
    `# Allocation of the ${program}'s main thread, ${stream ? "stream" : "non-stream"}, concurrency ${CONCURRENCY}: ${figure(bytes / 1024, 1)} KiB a request, over ${requests} requests`,
    `${scavenges} collections of the young generation; all collections took ${figure((collectingMs * 1000) / requests, 1)} µs a request of the main thread.`,
    ...(["modules", "self", "inclusive"] as const).flatMap((kind) => [
      `## ${kind}`,
      table(summary[kind].slice(0, ROWS[kind]), bytes),
    ]),
  ].join("\n\n");
}

async function readRecord(file: string): Promise<AllocationRecord> {
  const deadline = performance.now() + WRITE_MS;
  while (!existsSync(file)) {
    if (performance.now() > deadline) throw new Error("the program wrote no record of its allocations");
    await pause(50);
  }
  return JSON.parse(readFileSync(file, "utf8")) as AllocationRecord;
}

function table(rows: readonly Share[], bytes: number): string {
  const lines = rows.map(({ name, share }) => [name, figure(share * 100, 1), figure(share * bytes, 0)]);
  return markdownTable(["", "%", "bytes/req"], lines);
}
