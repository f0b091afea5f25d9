import { mkdirSync } from "node:fs";
import { dirname } from "node:path";
import { writeWhole } from "@hearth/disk";
import { randomText } from "@hearth/platform";
import { dataUnusable } from "../platform/data-directory.js";

/**
 * Writes the definition of a service whole or not at all: half of one would be read at the next log-in.
 *
 * @throws AgentError `data_unusable`
 */
export function writeDefinition(path: string, text: string): void {
  try {
    mkdirSync(dirname(path), { recursive: true });
    writeWhole(path, text, { draft: `${path}.${randomText(6)}`, existing: "replace" });
  } catch (cause) {
    throw dataUnusable(`${path} cannot be written`, cause);
  }
}
