/** One row of `nvidia-smi`. */
export interface NvidiaGpu {
  readonly name: string;
  /** Absent where it shares the machine's memory: a GB10 answers `[N/A]` (NVIDIA's known issues of DGX Spark). */
  readonly memoryBytes?: number;
  readonly memoryUsedBytes?: number;
  /** 0–1. */
  readonly load?: number;
}

/** Asks for what `parseNvidiaSmi` reads. */
export const NVIDIA_SMI_ARGS: readonly string[] = [
  "--query-gpu=memory.total,memory.used,utilization.gpu,name",
  "--format=csv,noheader,nounits",
];

const MAX_GPUS = 64;
const MIB = 1024 * 1024;

/** Reads its CSV rows; the name stands last, because it alone may hold a comma. Rows of another form are left out. */
export function parseNvidiaSmi(text: string): readonly NvidiaGpu[] {
  const gpus: NvidiaGpu[] = [];
  for (const line of text.split("\n").slice(0, MAX_GPUS)) {
    const [total, used, utilisation, ...name] = line.split(", ");
    if (utilisation === undefined || name.length === 0) continue;
    const memory = amount(total);
    const memoryUsed = amount(used);
    const percent = amount(utilisation);
    gpus.push({
      name: name.join(", ").trim().slice(0, 128),
      ...(memory === undefined || memory === 0 ? {} : { memoryBytes: memory * MIB }),
      ...(memoryUsed === undefined ? {} : { memoryUsedBytes: memoryUsed * MIB }),
      ...(percent === undefined ? {} : { load: Math.min(1, percent / 100) }),
    });
  }
  return gpus;
}

/** `[N/A]` and `[Not Supported]` are no amounts. */
function amount(field: string | undefined): number | undefined {
  return field !== undefined && /^\d{1,9}$/.test(field.trim()) ? Number(field) : undefined;
}
