import { type Clock, repeat } from "@hearth/platform";
import { z } from "zod";
import type { Draw, MeteredParts, PowerMeter } from "../machine/power-meter.js";
import { KeptFile } from "../platform/kept-file.js";
import type { BusyState, BusyTime } from "./busy-time.js";

/** What the machine draws more while requests run, as far as that can be measured here. */
export type MeasuredDraw =
  | { readonly type: "measured"; readonly extraWatts: number; readonly of: MeteredParts }
  /** It can be read, and has not been often enough, both while requests ran and while none did. */
  | { readonly type: "too_few_readings" }
  | { readonly type: "no_meter" };

/** How often the power is read, ms. */
const READ_MS = 10_000;
/** How long requests must have run, or not, before a reading says something of it, ms: clocks and fans come down late. */
const SETTLED_MS = { busy: 2_000, idle: 5_000 } as const;
/** Readings of each kind before there is a difference to speak of. */
const ENOUGH = 6;
/** A mean goes by about so many of the newest readings: an hour's. */
const MEMORY = 360;
/** How often readings are written, ms. */
const KEEP_MS = 300_000;

const mean = z.object({ watts: z.number().min(0).max(1e6), readings: z.number().int().min(0) });
const recordSchema = z.object({
  version: z.literal(1),
  of: z.enum(["gpu", "cpu", "gpu+cpu"]),
  busy: mean,
  idle: mean,
});
type Mean = z.infer<typeof mean>;
type DrawRecord = z.infer<typeof recordSchema>;

/** Keeps readings over restarts. */
export type DrawStore = Pick<KeptFile<DrawRecord>, "load" | "save">;

/** `power.json` in the data directory. */
export const drawFile = (dataDir: string, name: string): DrawStore =>
  new KeptFile({ dataDir, name, stem: "power" }, recordSchema);

export interface DrawWatchOptions {
  readonly clock: Clock;
  readonly meter: PowerMeter;
  readonly busyTime: Pick<BusyTime, "state">;
  readonly store: DrawStore;
}

/** Reads the power again and again, and knows its mean while requests run and while none does. */
export class DrawWatch implements Disposable {
  readonly #options: DrawWatchOptions;
  readonly #stop = new AbortController();
  readonly #timers: readonly Disposable[];
  #record: DrawRecord | undefined;
  /** Until the first answer nothing is said against the meter. */
  #hasMeter = true;
  #isReading = false;
  #isKept = true;
  /** Readings in a row that were of other parts than those before. */
  #ofOthers = 0;

  constructor(options: DrawWatchOptions) {
    this.#options = options;
    const kept = options.store.load();
    this.#record = typeof kept === "string" ? undefined : kept;
    const { clock } = options;
    this.#timers = [repeat(clock, READ_MS, () => void this.#read()), repeat(clock, KEEP_MS, () => this.#keep())];
    void this.#read();
  }

  [Symbol.dispose](): void {
    for (const timer of this.#timers) timer[Symbol.dispose]();
    this.#stop.abort();
    this.#keep();
  }

  get current(): MeasuredDraw {
    const { of, busy, idle } = this.#record ?? {};
    if (of !== undefined && busy !== undefined && idle !== undefined) {
      const isEnough = busy.readings >= ENOUGH && idle.readings >= ENOUGH;
      if (isEnough) return { type: "measured", extraWatts: Math.max(0, busy.watts - idle.watts), of };
    }
    return this.#hasMeter ? { type: "too_few_readings" } : { type: "no_meter" };
  }

  async #read(): Promise<void> {
    if (this.#isReading) return;
    this.#isReading = true;
    const { clock, meter, busyTime } = this.#options;
    const state = busyTime.state;
    const startedAt = clock.now();
    const draw = await meter.read(this.#stop.signal);
    this.#isReading = false;
    if (this.#stop.signal.aborted) return;
    this.#hasMeter = draw !== undefined;
    if (draw === undefined) return;
    // The machine slept in between, or requests came or went.
    const slept = (clock.sincePause?.() ?? Number.POSITIVE_INFINITY) <= clock.now() - startedAt;
    if (!slept && busyTime.state === state && isSettled(state, startedAt)) this.#take(draw, state.busy);
  }

  #take({ watts, of }: Draw, busy: boolean): void {
    let record = this.#record ?? fresh(of);
    if (record.of !== of) {
      // One that is only late comes back; one that is gone does not.
      this.#ofOthers += 1;
      if (this.#ofOthers < ENOUGH) return;
      record = fresh(of);
    }
    this.#ofOthers = 0;
    this.#isKept = false;
    this.#record = busy
      ? { ...record, busy: averaged(record.busy, watts) }
      : { ...record, idle: averaged(record.idle, watts) };
  }

  #keep(): void {
    if (this.#isKept || this.#record === undefined) return;
    try {
      this.#options.store.save(this.#record);
      this.#isKept = true;
    } catch {
      // It is tried again, and after a restart measured anew; busy time, which stands beside it, says what is wrong.
    }
  }
}

function isSettled({ busy, since }: BusyState, atMs: number): boolean {
  return atMs - since >= (busy ? SETTLED_MS.busy : SETTLED_MS.idle);
}

function fresh(of: MeteredParts): DrawRecord {
  const none = { watts: 0, readings: 0 };
  return { version: 1, of, busy: none, idle: none };
}

function averaged({ watts, readings }: Mean, reading: number): Mean {
  const count = Math.min(readings + 1, MEMORY);
  return { watts: watts + (reading - watts) / count, readings: count };
}
