import { z } from "zod";

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
