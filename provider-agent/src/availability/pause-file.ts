import { z } from "zod";
import { KeptFile } from "../platform/kept-file.js";

/** The owner's own pause. */
export interface OwnerPause {
  /** Absent = until the owner resumes. */
  readonly untilWallMs?: number;
}

/** Keeps the owner's pause over restarts. */
export interface PauseStore {
  /** Never throws. */
  load(): OwnerPause | undefined;
  /** @throws when it cannot be written */
  save(pause: OwnerPause | undefined): void;
}

const pauseSchema = z.object({ until_ms: z.number().int().min(0).max(8.64e15).optional() });

/**
 * A file in the data directory, there while the owner pauses. The agent looks at it again and again, so that a command
 * may pause a running agent by writing it. One that cannot be read is a pause without end: an agent that stays quiet by
 * mistake does no harm.
 */
export class PauseFile implements PauseStore {
  readonly #file: KeptFile<z.infer<typeof pauseSchema>>;

  constructor(dataDir: string) {
    // One for all agents of the directory: the owner pauses the machine.
    this.#file = new KeptFile({ dataDir, name: "default", stem: "pause" }, pauseSchema);
  }

  load(): OwnerPause | undefined {
    const kept = this.#file.load();
    if (kept === "absent") return undefined;
    return kept === "unreadable" || kept.until_ms === undefined ? {} : { untilWallMs: kept.until_ms };
  }

  save(pause: OwnerPause | undefined): void {
    if (pause === undefined) return this.#file.remove();
    this.#file.save(pause.untilWallMs === undefined ? {} : { until_ms: pause.untilWallMs });
  }
}
