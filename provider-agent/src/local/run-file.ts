import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { writeWhole } from "@hearth/disk";
import { randomText } from "@hearth/platform";
import { z } from "zod";
import { dataUnusable } from "../platform/data-directory.js";

const schema = z.object({
  pid: z.number().int().min(1),
  url: z.string().regex(/^http:\/\/127\.0\.0\.1:\d{1,5}$/),
  token: z.string().min(16),
});

/** Where the running agent can be asked, for commands of the same user. */
export type RunFile = z.infer<typeof schema>;

const pathIn = (dataDir: string, name: string): string =>
  join(dataDir, name === "default" ? "run.json" : `run-${encodeURIComponent(name)}.json`);

/**
 * Says where this agent can be asked, to its owner only (0600), until it is disposed.
 *
 * @throws AgentError `data_unusable`
 */
export function writeRunFile(dataDir: string, name: string, content: RunFile): Disposable {
  const path = pathIn(dataDir, name);
  try {
    writeWhole(path, `${JSON.stringify(content)}\n`, { draft: `${path}.${randomText(6)}`, existing: "replace" });
  } catch (cause) {
    throw dataUnusable(`${path} cannot be written`, cause);
  }
  return {
    [Symbol.dispose]() {
      // Another agent may have started since.
      if (readRunFile(dataDir, name)?.pid === content.pid) leaveNothing(path);
    },
  };
}

function leaveNothing(path: string): void {
  try {
    rmSync(path, { force: true });
  } catch {
    // If it cannot be removed, a reader finds that nothing answers at its URL.
  }
}

/** @returns `undefined` where no agent has said where it can be asked */
export function readRunFile(dataDir: string, name: string): RunFile | undefined {
  try {
    const parsed = schema.safeParse(JSON.parse(readFileSync(pathIn(dataDir, name), "utf8")));
    return parsed.success ? parsed.data : undefined;
  } catch {
    return undefined;
  }
}
