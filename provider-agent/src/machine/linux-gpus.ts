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
