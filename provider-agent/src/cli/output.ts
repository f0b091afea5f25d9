import type { Writable } from "node:stream";
import pc from "picocolors";

/** Where a command speaks. */
export interface Output {
  /** For scripts: one JSON document on stdout, and nothing else there. */
  readonly json: boolean;
  readonly colors: Colors;
  /** Something by the way, for people: not under `--json` or `--quiet`. */
  say(text: string): void;
  /** What the command was asked for. */
  result(document: unknown, text: string): void;
  /** Something to look at, on stderr; not under `--quiet`. */
  warn(text: string): void;
}

/** What is used of picocolors; all are the identity where there is no colour. */
export type Colors = Pick<ReturnType<typeof pc.createColors>, "bold" | "dim" | "red" | "green" | "yellow" | "cyan">;

export interface OutputOptions {
  readonly stdout: Writable & { readonly isTTY?: boolean };
  readonly stderr: Writable;
  readonly json: boolean;
  readonly quiet: boolean;
  /** `false` = `--no-color`. */
  readonly color: boolean;
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** Colours: not with `--no-color` or `NO_COLOR` (no-color.org), and only on a terminal unless `FORCE_COLOR` is set. */
export function createOutput({ stdout, stderr, json, quiet, color, env }: OutputOptions): Output {
  const wanted = color && !env["NO_COLOR"] && !json;
  const colors = pc.createColors(wanted && (stdout.isTTY === true || Boolean(env["FORCE_COLOR"])));
  const line = (stream: Writable, text: string): void => {
    stream.write(text.endsWith("\n") ? text : `${text}\n`);
  };
  return {
    json,
    colors,
    say: (text) => {
      if (!json && !quiet) line(stdout, text);
    },
    result: (document, text) => line(stdout, json ? JSON.stringify(document, undefined, 2) : text),
    warn: (text) => {
      if (!quiet && !json) line(stderr, `${colors.yellow("!")} ${text}`);
    },
  };
}

/** Rows in columns, two spaces apart; colours count nothing. */
export function columns(rows: readonly (readonly string[])[]): string {
  const widths: number[] = [];
  for (const [i, cell] of rows.flatMap((row) => [...row.entries()])) {
    widths[i] = Math.max(widths[i] ?? 0, visibleLength(cell));
  }
  const padded = (cell: string, i: number): string =>
    harmless(cell) + " ".repeat((widths[i] ?? 0) - visibleLength(cell));
  return rows.map((row) => row.map(padded).join("  ").trimEnd()).join("\n");
}

/** Backends choose the names of models: nothing but colours may tell the terminal what to do. */
function harmless(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what terminals obey
  return text.replace(/\u001b\[[0-9;]*m|[\u0000-\u001f\u007f-\u009f]/g, (found) =>
    found.endsWith("m") ? found : "\ufffd",
  );
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: it is how terminals are told colours
const visibleLength = (text: string): number => text.replace(/\u001b\[[0-9;]*m/g, "").length;
