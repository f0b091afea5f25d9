import { type RunTool, stdoutOf, type ToolResult } from "../machine/run-tool.js";

/** How long nobody has touched the machine, ms; `undefined` = cannot be known here. Never rejects. */
export type ReadIdleTime = (signal: AbortSignal) => Promise<number | undefined>;

export interface IdleTimeOptions {
  readonly platform: NodeJS.Platform;
  readonly run: RunTool;
  /** Milliseconds since the epoch. */
  readonly wallTime: () => number;
  /** `XDG_SESSION_TYPE`, where set: under Wayland, X's own idle time leaves out all that Wayland programs are told. */
  readonly sessionType?: string | undefined;
}

/** The way in which this platform tells for how long its owner has been away. */
export function idleTimeReader({ platform, run, wallTime, sessionType }: IdleTimeOptions): ReadIdleTime {
  if (platform === "darwin") return async (signal) => parseHidIdleTime(await ask(run, HID_IDLE, signal));
  if (platform === "win32") return async (signal) => parseMilliseconds(await ask(run, LAST_INPUT, signal));
  if (platform !== "linux") return async () => undefined;
  const missing = new Set<Question>();
  return async (signal) => {
    for (const question of sessionType === "wayland" ? [MUTTER, LOGIND] : [MUTTER, XPRINTIDLE, LOGIND]) {
      if (missing.has(question)) continue;
      const result = await run(question.program, question.args, signal);
      if (result.type === "missing") missing.add(question);
      const idleMs = parseLinuxAnswer(question, result, wallTime());
      if (idleMs !== undefined) return idleMs;
    }
    return undefined;
  };
}

interface Question {
  readonly program: string;
  readonly args: readonly string[];
}

const HID_IDLE: Question = { program: "/usr/sbin/ioreg", args: ["-r", "-d", "1", "-w", "0", "-c", "IOHIDSystem"] };

/** GetLastInputInfo and TickCount both count ms since boot as 32 bits: their difference survives the wrap. */
const LAST_INPUT: Question = {
  program: "powershell.exe",
  args: [
    "-NoProfile",
    "-NonInteractive",
    "-Command",
    `Add-Type -Namespace Hearth -Name Input -MemberDefinition '
[StructLayout(LayoutKind.Sequential)] public struct Info { public uint Size; public uint Time; }
[DllImport("user32.dll")] static extern bool GetLastInputInfo(ref Info info);
public static uint IdleMs() {
  Info info = new Info(); info.Size = 8;
  if (!GetLastInputInfo(ref info)) throw new System.ComponentModel.Win32Exception();
  return unchecked((uint)System.Environment.TickCount - info.Time);
}'
[Hearth.Input]::IdleMs()`,
  ],
};

/** GNOME's, under Wayland and X11 alike. */
const MUTTER: Question = {
  program: "busctl",
  args: [
    "--user",
    "--timeout=2",
    "call",
    "org.gnome.Mutter.IdleMonitor",
    "/org/gnome/Mutter/IdleMonitor/Core",
    "org.gnome.Mutter.IdleMonitor",
    "GetIdletime",
  ],
};
const XPRINTIDLE: Question = { program: "xprintidle", args: [] };
const LOGIND: Question = {
  program: "busctl",
  args: [
    "--system",
    "--timeout=2",
    "get-property",
    "org.freedesktop.login1",
    "/org/freedesktop/login1",
    "org.freedesktop.login1.Manager",
    "IdleHint",
    "IdleSinceHint",
  ],
};

async function ask(run: RunTool, { program, args }: Question, signal: AbortSignal): Promise<string> {
  return stdoutOf(await run(program, args, signal)) ?? "";
}

function parseLinuxAnswer(question: Question, result: ToolResult, wallMs: number): number | undefined {
  const text = stdoutOf(result) ?? "";
  if (question === MUTTER) return parseMilliseconds(/^t (\d+)\s*$/.exec(text)?.[1] ?? "");
  return question === XPRINTIDLE ? parseMilliseconds(text) : parseLogindIdle(text, wallMs);
}

/** Reads `HIDIdleTime` of `ioreg -c IOHIDSystem`, which counts nanoseconds. */
export function parseHidIdleTime(text: string): number | undefined {
  const nanoseconds = /"HIDIdleTime" = (\d{1,19})$/m.exec(text)?.[1];
  return nanoseconds === undefined ? undefined : Number(nanoseconds) / 1e6;
}

/** A number of milliseconds and nothing else, as `xprintidle` prints it. */
function parseMilliseconds(text: string): number | undefined {
  return /^\s*\d{1,19}\s*$/.test(text) ? Number(text) : undefined;
}

/**
 * Reads logind's IdleHint and IdleSinceHint (µs since the epoch) as `busctl get-property` prints them, a line each.
 * Idle: since then. Not idle: in use, provided that somebody ever set the hint; a time of 0 means that nobody does, as
 * was seen under KDE, so that nothing is known.
 */
export function parseLogindIdle(text: string, wallMs: number): number | undefined {
  const [, idle, sinceMicros] = /^b (true|false)\nt (\d{1,19})\s*$/.exec(text) ?? [];
  if (sinceMicros === undefined || Number(sinceMicros) === 0) return undefined;
  return idle === "true" ? Math.max(0, wallMs - Number(sinceMicros) / 1000) : 0;
}
