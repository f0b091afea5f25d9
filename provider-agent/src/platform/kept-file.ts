import { mkdirSync, readFileSync, rmSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { writeWhole } from "@hearth/disk";
import { randomText } from "@hearth/platform";
import type { z } from "zod";

/** What is written is far shorter. */
const MAX_BYTES = 64 * 1024;

/**
 * A small file of JSON in the data directory, for its owner only (0600): `STEM.json`, or `STEM-NAME.json` where the agent
 * has a name of its own.
 */
export class KeptFile<Content> {
  readonly path: string;
  readonly #schema: z.ZodType<Content>;

  constructor(
    place: { readonly dataDir: string; readonly name: string; readonly stem: string },
    schema: z.ZodType<Content>,
  ) {
    const { dataDir, name, stem } = place;
    this.path = join(dataDir, name === "default" ? `${stem}.json` : `${stem}-${encodeURIComponent(name)}.json`);
    this.#schema = schema;
  }

  /** What was kept, or why there is none to go on with. Never throws. */
  load(): Content | "absent" | "unreadable" {
    try {
      if (statSync(this.path).size > MAX_BYTES) return "unreadable";
      return this.#schema.parse(JSON.parse(readFileSync(this.path, "utf8")));
    } catch (error) {
      return error instanceof Error && "code" in error && error.code === "ENOENT" ? "absent" : "unreadable";
    }
  }

  /** @throws when it cannot be written; what was there is as it was then */
  save(content: Content): void {
    mkdirSync(dirname(this.path), { recursive: true, mode: 0o700 });
    const draft = `${this.path}.${randomText(6)}`;
    writeWhole(this.path, `${JSON.stringify(content)}\n`, { draft, existing: "replace" });
  }

  /** @throws when it is there and cannot be removed */
  remove(): void {
    rmSync(this.path, { force: true });
  }
}
