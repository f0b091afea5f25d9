import { z } from "zod";
import { listSystemFolder, readSystemFile, readSystemNumber } from "./system-file.js";

/** A GPU of the amdgpu driver (kernel documentation: "GPU sysfs attributes" of amdgpu). */
export interface AmdGpu {
  readonly name: string;
  readonly memoryBytes: number;
  /** 0–1. */
  readonly load?: number;
}

/** Reads the GPUs of the amdgpu driver; other drivers have no such files. */
export async function readAmdGpus(root: string): Promise<readonly AmdGpu[]> {
  const folder = `${root}/sys/class/drm`;
  const cards = (await listSystemFolder(folder)).filter((name) => /^card\d+$/.test(name)).sort();
  const gpus = await Promise.all(cards.map((card) => readAmdGpu(`${folder}/${card}/device`)));
  return gpus.flatMap((gpu) => gpu ?? []);
}

async function readAmdGpu(device: string): Promise<AmdGpu | undefined> {
  const memoryBytes = await readSystemNumber(`${device}/mem_info_vram_total`);
  if (memoryBytes === undefined) return undefined;
  const percent = await readSystemNumber(`${device}/gpu_busy_percent`);
  const product = (await readSystemFile(`${device}/product_name`))?.trim().slice(0, 128);
  return {
    name: product || "AMD GPU",
    memoryBytes,
    ...(percent === undefined ? {} : { load: Math.min(1, percent / 100) }),
  };
}

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

/** Asks PowerShell for what `parseVideoControllers` reads. */
export const VIDEO_CONTROLLERS_ARGS: readonly string[] = [
  "-NoProfile",
  "-NonInteractive",
  "-Command",
  "ConvertTo-Json -Compress @(Get-CimInstance Win32_VideoController | Select-Object Name,AdapterRAM)",
];

const controllerSchema = z.object({ Name: z.string().nullable(), AdapterRAM: z.number().nullable() });

/** AdapterRAM is a uint32 (Win32_VideoController): a GPU with 4 GiB or more shows just under 4 GiB, or nonsense. */
const MAX_TRUE_BYTES = 4 * 1024 ** 3 - 2 * 1024 ** 2;

/** Reads Win32_VideoController as JSON; nothing of another form. */
export function parseVideoControllers(text: string): readonly { name: string; memoryBytes?: number }[] {
  const parsed = z.array(controllerSchema).max(64).safeParse(jsonOf(text));
  if (!parsed.success) return [];
  return parsed.data.flatMap(({ Name, AdapterRAM }) => {
    if (Name === null) return [];
    const isTrue = AdapterRAM !== null && AdapterRAM > 0 && AdapterRAM < MAX_TRUE_BYTES;
    return [{ name: Name.slice(0, 128), ...(isTrue ? { memoryBytes: AdapterRAM } : {}) }];
  });
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
