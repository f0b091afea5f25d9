import { type RunTool, stdoutOf } from "../machine/run-tool.js";
import { listSystemFolder, readSystemFile, readSystemNumber } from "../machine/system-file.js";

/** Whether the machine lives on its battery; `undefined` = cannot be known. Never rejects. */
export type ReadOnBattery = (signal: AbortSignal) => Promise<boolean | undefined>;

export interface PowerSourceOptions {
  readonly platform: NodeJS.Platform;
  readonly run: RunTool;
  /** Root of the file system on Linux; default `""`. */
  readonly root?: string;
}

/** The way in which this platform tells where its power comes from. */
export function powerSourceReader({ platform, run, root = "" }: PowerSourceOptions): ReadOnBattery {
  if (platform === "linux") return () => readLinuxPower(root);
  if (platform === "darwin") return async (signal) => parsePmset(stdoutOf(await run(...PMSET, signal)) ?? "");
  if (platform === "win32") return async (signal) => parseBatteryStatus(stdoutOf(await run(...BATTERY, signal)) ?? "");
  return async () => undefined;
}

const PMSET = ["/usr/bin/pmset", ["-g", "batt"]] as const;
/** Prints a number for each battery, and `none` where there is none. */
const BATTERY = [
  "powershell.exe",
  [
    "-NoProfile",
    "-NonInteractive",
    "-Command",
    "$b = @(Get-CimInstance Win32_Battery | ForEach-Object BatteryStatus); if ($b.Count) { $b } else { 'none' }",
  ],
] as const;

/** Reads `pmset -g batt`; a UPS counts as a battery. */
export function parsePmset(text: string): boolean | undefined {
  const source = /^Now drawing from '([^']+)'/m.exec(text)?.[1];
  if (source === undefined) return undefined;
  return source === "Battery Power" || source === "UPS Power";
}

/** Reads Win32_Battery.BatteryStatus: 1 = discharging, 4 and 5 = low and critical, each on battery; the others are not. */
export function parseBatteryStatus(text: string): boolean | undefined {
  const states = text.trim().split(/\s+/);
  if (states[0] === "none") return false;
  if (!states.every((state) => /^\d{1,2}$/.test(state))) return undefined;
  return states.some((state) => ["1", "4", "5"].includes(state));
}

/** /sys/class/power_supply (kernel: sysfs-class-power). A machine without batteries is never on one. */
async function readLinuxPower(root: string): Promise<boolean | undefined> {
  const folder = `${root}/sys/class/power_supply`;
  const supplies = await Promise.all((await listSystemFolder(folder)).map((name) => readSupply(`${folder}/${name}`)));
  if (supplies.includes("external")) return false;
  return supplies.includes("discharging");
}

type Supply = "external" | "discharging" | "other";

async function readSupply(folder: string): Promise<Supply> {
  const read = async (name: string): Promise<string | undefined> => (await readSystemFile(`${folder}/${name}`))?.trim();
  const type = await read("type");
  // The battery of a mouse or a headset.
  if ((await read("scope")) === "Device") return "other";
  if (type === "Mains" || type === "USB") {
    return (await readSystemNumber(`${folder}/online`)) === 1 ? "external" : "other";
  }
  return (type === "Battery" || type === "UPS") && (await read("status")) === "Discharging" ? "discharging" : "other";
}
