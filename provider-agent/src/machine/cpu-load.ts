/** Processor time since boot, in any one unit. */
export interface CpuTimes {
  readonly busy: number;
  readonly total: number;
}

/** The share of processor time that was used between two readings; `undefined` until there are two. */
export class CpuLoad {
  #last: CpuTimes | undefined;

  next(times: CpuTimes | undefined): number | undefined {
    const last = this.#last;
    this.#last = times;
    if (times === undefined || last === undefined) return undefined;
    const total = times.total - last.total;
    // Counters may go back when a processor is taken offline.
    return total > 0 ? Math.max(0, Math.min(1, (times.busy - last.busy) / total)) : undefined;
  }
}

/** Reads the first line of /proc/stat (proc_stat(5)): user nice system idle iowait irq softirq steal; guest is in user. */
export function parseProcStat(text: string): CpuTimes | undefined {
  const fields = /^cpu +([\d ]+)$/m.exec(text)?.[1]?.split(" ").slice(0, 8).map(Number);
  if (fields === undefined || fields.length < 4 || fields.some(Number.isNaN)) return undefined;
  const total = fields.reduce((sum, each) => sum + each, 0);
  return { busy: total - (fields[3] ?? 0) - (fields[4] ?? 0), total };
}

/** The same of `os.cpus()`, for platforms without /proc. */
export function cpuTimesOf(
  cpus: readonly { readonly times: Readonly<Record<"user" | "nice" | "sys" | "idle" | "irq", number>> }[],
): CpuTimes | undefined {
  let total = 0;
  let idle = 0;
  for (const { times } of cpus) {
    total += times.user + times.nice + times.sys + times.idle + times.irq;
    idle += times.idle;
  }
  return cpus.length === 0 ? undefined : { busy: total - idle, total };
}
