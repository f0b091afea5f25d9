/** Which of its family's chips it is. */
export type AppleTier = "base" | "Pro" | "Max" | "Ultra";

export interface AppleChip {
  /** `M1`, `M2`, … */
  readonly family: string;
  readonly tier: AppleTier;
}

interface Bandwidth {
  readonly gbPerSecond: number;
  /** With at least so many GPU cores; the binned chip of the same name has a narrower memory bus. */
  readonly full?: { readonly gpuCores: number; readonly gbPerSecond: number };
}

/**
 * Memory bandwidth, GB/s (10⁹ bytes): what Apple publishes in its press releases and technical specifications.
 * M1 family: MacBook Air (M1, 2020), MacBook Pro (2021), Mac Studio (2022). M2: "Apple unveils M2", "M2 Pro and M2 Max",
 * "M2 Ultra" (2022–23). M3: MacBook Pro (Nov 2023), "M3 Ultra" (Mar 2025). M4: MacBook Pro (2024). M5: "Apple unleashes
 * M5" (Oct 2025), MacBook Pro with M5 Pro or M5 Max (Mar 2026). What is not listed there is not listed here.
 */
const BANDWIDTHS: Readonly<Record<string, Bandwidth>> = {
  "M1 base": { gbPerSecond: 68 },
  "M1 Pro": { gbPerSecond: 200 },
  "M1 Max": { gbPerSecond: 400 },
  "M1 Ultra": { gbPerSecond: 800 },
  "M2 base": { gbPerSecond: 100 },
  "M2 Pro": { gbPerSecond: 200 },
  "M2 Max": { gbPerSecond: 400 },
  "M2 Ultra": { gbPerSecond: 800 },
  "M3 base": { gbPerSecond: 100 },
  "M3 Pro": { gbPerSecond: 150 },
  "M3 Max": { gbPerSecond: 300, full: { gpuCores: 40, gbPerSecond: 400 } },
  "M3 Ultra": { gbPerSecond: 819 },
  "M4 base": { gbPerSecond: 120 },
  "M4 Pro": { gbPerSecond: 273 },
  "M4 Max": { gbPerSecond: 410, full: { gpuCores: 40, gbPerSecond: 546 } },
  "M5 base": { gbPerSecond: 153 },
  "M5 Pro": { gbPerSecond: 307 },
  "M5 Max": { gbPerSecond: 460, full: { gpuCores: 40, gbPerSecond: 614 } },
};

const BRAND = /^Apple (M\d{1,2})(?: (Pro|Max|Ultra))?(?: \(Virtual\))?$/;

/** Reads a chip's name as macOS gives it (`machdep.cpu.brand_string`); `undefined` = not one of Apple's M chips. */
export function parseAppleChip(brand: string): AppleChip | undefined {
  const [, family, tier] = BRAND.exec(brand) ?? [];
  if (family === undefined) return undefined;
  return { family, tier: (tier as AppleTier | undefined) ?? "base" };
}

/**
 * Memory bandwidth as published, GB/s; `undefined` for a chip that is not known. Where a name covers several chips and
 * the GPU's cores are not known, the lower figure.
 */
export function bandwidthOf(chip: AppleChip, gpuCores: number | undefined): number | undefined {
  const bandwidth = BANDWIDTHS[`${chip.family} ${chip.tier}`];
  if (bandwidth?.full && gpuCores !== undefined && gpuCores >= bandwidth.full.gpuCores)
    return bandwidth.full.gbPerSecond;
  return bandwidth?.gbPerSecond;
}
