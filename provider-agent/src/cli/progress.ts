import type { Invocation } from "./invocation.js";

/** A line on a terminal's stderr that says how far something is; nothing elsewhere. */
export interface Progress extends Disposable {
  /** @param share 0 to 1 @param what is being done now */
  report(share: number, what?: string): void;
  clear(): void;
}

const CELLS = 24;
/** Back to the line's start, and the rest gone (ECMA-48 EL). */
const CLEAR_LINE = "\r\u001b[K";

export function startProgress({ stderr, out, options }: Invocation, title: string): Progress {
  const isShown = (stderr as { readonly isTTY?: boolean }).isTTY === true && !out.json && !options.quiet;
  let drawn = "";
  const draw = (text: string): void => {
    if (!isShown || text === drawn) return;
    drawn = text;
    stderr.write(`${CLEAR_LINE}${text}`);
  };
  const clear = (): void => {
    if (drawn !== "") draw("");
  };
  return {
    report(share, what = "") {
      const full = Math.round(Math.max(0, Math.min(1, share)) * CELLS);
      const bar = "█".repeat(full) + "░".repeat(CELLS - full);
      draw(`${title} ${out.colors.cyan(bar)} ${String(Math.round(share * 100)).padStart(3)} % ${what}`.trimEnd());
    },
    clear,
    [Symbol.dispose]: clear,
  };
}
