import { mkdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { writeWhole } from "@hearth/disk";
import { randomText } from "@hearth/platform";
import { z } from "zod";

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
/** What is written is far shorter. */
const MAX_BYTES = 1024;

/**
 * A file in the data directory, there while the owner pauses. The agent looks at it again and again, so that a command
 * may pause a running agent by writing it. One that cannot be read is a pause without end: an agent that stays quiet by
 * mistake does no harm.
 */
export class PauseFile implements PauseStore {
  readonly #path: string;

  constructor(dataDir: string) {
    this.#path = join(dataDir, "pause.json");
  }

  load(): OwnerPause | undefined {
    try {
      if (statSync(this.#path).size > MAX_BYTES) return {};
      const { until_ms } = pauseSchema.parse(JSON.parse(readFileSync(this.#path, "utf8")));
      return until_ms === undefined ? {} : { untilWallMs: until_ms };
    } catch (error) {
      return isMissing(error) ? undefined : {};
    }
  }

  save(pause: OwnerPause | undefined): void {
    if (pause === undefined) return rmSync(this.#path, { force: true });
    mkdirSync(join(this.#path, ".."), { recursive: true, mode: 0o700 });
    const content = `${JSON.stringify({ until_ms: pause.untilWallMs })}\n`;
    writeWhole(this.#path, content, { draft: `${this.#path}.${randomText(6)}`, existing: "replace" });
  }
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "ENOENT";
}
