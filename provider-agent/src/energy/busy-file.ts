import { z } from "zod";
import { KeptFile } from "../platform/kept-file.js";

/** How long requests ran on one day of UTC. */
export interface BusyDay {
  /** When it began, ms since the epoch. */
  readonly day: number;
  readonly ms: number;
}

/** How long requests have run since somebody counts. */
export interface BusyRecord {
  /** When the count began, ms since the epoch. */
  readonly since: number;
  /** On days that are not told one by one any more. */
  readonly earlierMs: number;
  /** In order; each once. */
  readonly days: readonly BusyDay[];
}

/** Keeps what was counted over restarts. */
export interface BusyStore {
  /** @returns what was kept, or why there is none to go on with */
  load(): BusyRecord | "absent" | "unreadable";
  /** @throws when it cannot be written */
  save(record: BusyRecord): void;
}

const ms = z.number().min(0).max(8.64e15);
const daySchema = z.object({ day: z.iso.date(), busy_ms: ms });
const fileSchema = z.object({
  version: z.literal(1),
  since: z.iso.datetime(),
  earlier_busy_ms: ms,
  days: z.array(z.unknown()),
});

/** `busy.json` in the data directory. */
export class BusyFile implements BusyStore {
  readonly #file: KeptFile<z.infer<typeof fileSchema>>;

  constructor(dataDir: string, name: string) {
    this.#file = new KeptFile({ dataDir, name, stem: "busy" }, fileSchema);
  }

  load(): BusyRecord | "absent" | "unreadable" {
    const file = this.#file.load();
    if (typeof file === "string") return file;
    // A day that no clock should have shown takes none of the others with it.
    const known = file.days.flatMap((each) => daySchema.safeParse(each).data ?? []);
    const days = known.map(({ day, busy_ms }) => ({ day: Date.parse(day), ms: busy_ms }));
    return { since: Date.parse(file.since), earlierMs: file.earlier_busy_ms, days };
  }

  save({ since, earlierMs, days }: BusyRecord): void {
    this.#file.save({
      version: 1,
      since: new Date(since).toISOString(),
      earlier_busy_ms: Math.round(earlierMs),
      days: days.map(({ day, ms }) => ({ day: new Date(day).toISOString().slice(0, 10), busy_ms: Math.round(ms) })),
    });
  }
}
