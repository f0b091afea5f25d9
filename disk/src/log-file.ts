import { write, writeSync } from "node:fs";
import { diskFaultCode } from "./disk-fault.js";

/** The part of a clock that a log needs. */
export interface Timers {
  setTimer(ms: number, fire: () => void): Disposable;
}

/** Whether a log can be written. */
export type LogFileHealth =
  | { readonly type: "written" }
  /** `problem` is Node's code, like `ENOSPC` or `EPIPE`, or `stalled` where nobody reads what was written. */
  | { readonly type: "failing"; readonly problem: string };

/** How a descriptor is written to; that of Node unless a test has another. */
export type WriteBytes = (fd: number, bytes: Uint8Array, done: (error: Error | null, written: number) => void) => void;

export interface LogFileOptions {
  /** 1 is standard output. It is never closed. */
  readonly fd: number;
  readonly timers: Timers;
  /** The line, with its line break, that stands where others are missing. */
  readonly gapLine: (lost: number, problem: string) => string;
  readonly write?: WriteBytes;
}

/** Lines that wait to be written, bytes. What comes on top of them is lost, and counted. */
const MAX_WAITING_BYTES = 1 << 20;
/** Bytes of one write. */
const CHUNK_BYTES = 64 * 1024;
/** How long after a failure it is tried again, ms. */
const RETRY_MS = 1_000;
/** How long after a pipe that takes nothing at the moment, ms. */
const FULL_PIPE_MS = 100;
/** What is left is written within this when the log is closed, ms; then the process ends without. */
const CLOSE_MS = 2_000;

/**
 * Where a log's lines go: a stream for pino that never throws, never blocks and never ends the process, and that holds a
 * bounded number of bytes. While the lines cannot be written (a full disk, a reader that is gone) it keeps the first of
 * them, counts the others, and tries again and again; a line says then how many are missing.
 *
 * It stands in the place of pino's own destination, whose `flushSync` repeats a write that fails for ever, in the exit
 * hook of a process that cannot end before.
 */
export class LogFile {
  readonly #options: LogFileOptions;
  readonly #write: WriteBytes;
  /** Lines not yet written; of the first, the rest. */
  #waiting: Uint8Array[] = [];
  #waitingBytes = 0;
  #writing = false;
  #retry: Disposable | undefined;
  #problem: string | undefined;
  /** Lost, and no line says so yet. */
  #untold = 0;
  #lost = 0;
  #onLost: (lines: number) => void = () => {};
  #settled: () => void = () => {};

  constructor(options: LogFileOptions) {
    this.#options = options;
    this.#write = options.write ?? write;
  }

  get health(): LogFileHealth {
    return this.#problem === undefined ? { type: "written" } : { type: "failing", problem: this.#problem };
  }

  /** Lines lost since the start. */
  get lostLines(): number {
    return this.#lost;
  }

  /** Tells each loss, those of before first. One listener at a time. */
  onLost(listener: (lines: number) => void): void {
    this.#onLost = listener;
    if (this.#lost > 0) listener(this.#lost);
  }

  /** Takes one line with its line break. */
  write(line: string): void {
    const bytes = Buffer.from(line);
    if (this.#waitingBytes + bytes.length > MAX_WAITING_BYTES) return this.#lose();
    this.#push(bytes);
    this.#pump();
  }

  /**
   * Writes what waits, for at most 2 s and not where it fails.
   *
   * @returns how many lines of this process were not written, and why
   */
  async close(): Promise<{ readonly unwritten: number; readonly problem: string | undefined }> {
    if (this.#waiting.length > 0) {
      await new Promise<void>((resolve) => {
        const limit = this.#options.timers.setTimer(CLOSE_MS, resolve);
        this.#settled = () => {
          limit[Symbol.dispose]();
          resolve();
        };
        // Whatever was wrong may be so no longer.
        if (!this.#writing) this.#tryAgain();
      });
    }
    this.#retry?.[Symbol.dispose]();
    const unwritten = this.#untold + this.#waiting.length;
    return { unwritten, problem: unwritten === 0 ? undefined : (this.#problem ?? "stalled") };
  }

  /**
   * For the `exit` event, when nothing else runs any more: tries what waits once. A write under way ends by itself
   * before the process does.
   */
  flushAtExit(): void {
    if (this.#writing || this.#problem !== undefined || this.#waiting.length === 0) return;
    try {
      this.#written(writeSync(this.#options.fd, Buffer.concat(this.#waiting)));
    } catch {
      // There is nobody left to tell.
    }
  }

  #lose(): void {
    this.#problem ??= "stalled";
    this.#untold++;
    this.#lost++;
    this.#onLost(1);
  }

  #push(bytes: Uint8Array): void {
    this.#waiting.push(bytes);
    this.#waitingBytes += bytes.length;
  }

  #pump(): void {
    if (this.#writing || this.#retry !== undefined) return;
    if (this.#waiting.length === 0) return this.#settled();
    this.#writing = true;
    this.#write(this.#options.fd, this.#nextChunk(), (error, written) => {
      this.#writing = false;
      if (error !== null) return this.#failed(error);
      this.#written(written);
      this.#succeeded();
      this.#pump();
    });
  }

  #nextChunk(): Uint8Array {
    let bytes = 0;
    let lines = 0;
    for (const line of this.#waiting) {
      if (lines > 0 && bytes + line.length > CHUNK_BYTES) break;
      bytes += line.length;
      lines++;
    }
    return Buffer.concat(this.#waiting.slice(0, lines));
  }

  #written(count: number): void {
    this.#waitingBytes -= count;
    let left = count;
    let whole = 0;
    for (const line of this.#waiting) {
      if (line.length > left) break;
      left -= line.length;
      whole++;
    }
    const [first, ...others] = this.#waiting.slice(whole);
    this.#waiting = first === undefined ? [] : [first.subarray(left), ...others];
  }

  #succeeded(): void {
    // As long as lines are being lost, it is well only when there is room for the next.
    if (this.#untold > 0) this.#push(Buffer.from(this.#options.gapLine(this.#untold, this.#problem ?? "stalled")));
    this.#untold = 0;
    this.#problem = undefined;
  }

  #failed(error: Error): void {
    const code = diskFaultCode(error) ?? "error";
    // A pipe whose reader is slow: nothing is wrong unless lines have to be lost for it.
    const isFull = code === "EAGAIN";
    if (!isFull) this.#problem = code;
    this.#retry = this.#options.timers.setTimer(isFull ? FULL_PIPE_MS : RETRY_MS, () => this.#tryAgain());
    if (!isFull) this.#settled();
  }

  #tryAgain(): void {
    this.#retry?.[Symbol.dispose]();
    this.#retry = undefined;
    this.#pump();
  }
}
