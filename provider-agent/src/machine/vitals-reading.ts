import type { HeartbeatFrame } from "@hearth/protocol";

export type Thermal = NonNullable<HeartbeatFrame["thermal"]>;

/** How the machine is, in the heartbeat's own fields. What is not known is absent, never zero. */
export type Vitals = Pick<
  HeartbeatFrame,
  "memory_free_bytes" | "memory_pressure" | "cpu_load" | "gpu_load" | "thermal"
>;

/** A source of vitals on one platform. Never rejects: what cannot be read is left out. */
export interface VitalsSource {
  read(signal: AbortSignal): Promise<Vitals>;
}

/** Used share of the memory, 0–1; `undefined` = not known. */
export function memoryUsedOf(vitals: Vitals, memoryBytes: number): number | undefined {
  const free = vitals.memory_free_bytes;
  return free === undefined || memoryBytes <= 0 ? undefined : Math.max(0, 1 - free / memoryBytes);
}

/** Drops what is `undefined`, and keeps fractions within 0–1 and bytes whole. */
export function tidy(raw: { readonly [K in keyof Vitals]: Vitals[K] | undefined }): Vitals {
  const { memory_free_bytes: free, memory_pressure: pressure, cpu_load: cpu, gpu_load: gpu, thermal } = raw;
  return {
    ...(isAmount(free) ? { memory_free_bytes: Math.max(0, Math.floor(free)) } : {}),
    ...(isAmount(pressure) ? { memory_pressure: fraction(pressure) } : {}),
    ...(isAmount(cpu) ? { cpu_load: fraction(cpu) } : {}),
    ...(isAmount(gpu) ? { gpu_load: fraction(gpu) } : {}),
    ...(thermal === undefined ? {} : { thermal }),
  };
}

function isAmount(value: number | undefined): value is number {
  return value !== undefined && Number.isFinite(value);
}

function fraction(value: number): number {
  return Math.max(0, Math.min(1, value));
}
