import { listSystemFolder, readSystemFile, readSystemNumber } from "./system-file.js";
import type { Thermal } from "./vitals-reading.js";

const ORDER: readonly Thermal[] = ["nominal", "fair", "serious", "critical"];
/** So near below the temperature at which the system begins to cool by slowing down, a machine is warm, m°C. */
const NEAR_MILLI_DEGREES = 5_000;
/** Trip points a zone may have. */
const MAX_TRIPS = 12;

/** A thermal zone of Linux's sysfs; temperatures in thousandths of a degree Celsius. */
export interface ThermalZone {
  readonly temperature: number;
  readonly trips: readonly { readonly type: string; readonly temperature: number }[];
}

/**
 * How hot a zone is, by its own trip points: at `passive` the kernel slows the processor down, at `hot` it warns and at
 * `critical` it switches the machine off. `undefined` when the zone has none of them.
 */
export function thermalOf(zone: ThermalZone): Thermal | undefined {
  // A trip point at or below zero is one that is switched off.
  const trips = zone.trips.filter((trip) => trip.temperature > 0 && /^(passive|hot|critical)$/.test(trip.type));
  if (trips.length === 0) return undefined;
  const levels = trips.map(({ type, temperature }): Thermal => {
    if (zone.temperature >= temperature) return type === "critical" ? "critical" : "serious";
    return zone.temperature >= temperature - NEAR_MILLI_DEGREES ? "fair" : "nominal";
  });
  return worst(levels);
}

/** Remembers how often the processors were throttled, to notice when they are again. */
export class LinuxThermal {
  readonly #root: string;
  #throttles: number | undefined;

  constructor(root: string) {
    this.#root = root;
  }

  /** `undefined` on machines without sensors, such as most virtual ones. */
  async read(): Promise<Thermal | undefined> {
    const zones = await this.#readZones();
    const throttles = await readSystemNumber(
      `${this.#root}/sys/devices/system/cpu/cpu0/thermal_throttle/package_throttle_count`,
    );
    const before = this.#throttles;
    this.#throttles = throttles;
    const throttled = throttles !== undefined && before !== undefined && throttles > before;
    return worst([...zones, ...(throttled ? (["serious"] as const) : [])]);
  }

  async #readZones(): Promise<readonly Thermal[]> {
    const folder = `${this.#root}/sys/class/thermal`;
    const names = (await listSystemFolder(folder)).filter((name) => /^thermal_zone\d+$/.test(name));
    const zones = await Promise.all(names.map((name) => readZone(`${folder}/${name}`)));
    return zones.flatMap((zone) => (zone && thermalOf(zone)) ?? []);
  }
}

async function readZone(folder: string): Promise<ThermalZone | undefined> {
  const temperature = await readSystemNumber(`${folder}/temp`);
  if (temperature === undefined) return undefined;
  const trips: { type: string; temperature: number }[] = [];
  for (let n = 0; n < MAX_TRIPS; n++) {
    const type = (await readSystemFile(`${folder}/trip_point_${n}_type`))?.trim();
    if (type === undefined) break;
    trips.push({ type, temperature: (await readSystemNumber(`${folder}/trip_point_${n}_temp`)) ?? 0 });
  }
  return { temperature, trips };
}

function worst(levels: readonly Thermal[]): Thermal | undefined {
  return ORDER.findLast((level) => levels.includes(level));
}
