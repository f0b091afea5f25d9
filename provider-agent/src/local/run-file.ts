import { z } from "zod";
import { dataUnusable } from "../platform/data-directory.js";
import { KeptFile } from "../platform/kept-file.js";

const schema = z.object({
  pid: z.number().int().min(1),
  url: z.string().regex(/^http:\/\/127\.0\.0\.1:\d{1,5}$/),
  token: z.string().min(16),
});

/** Where the running agent can be asked, for commands of the same user. */
export type RunFile = z.infer<typeof schema>;

const fileOf = (dataDir: string, name: string): KeptFile<RunFile> =>
  new KeptFile({ dataDir, name, stem: "run" }, schema);

/**
 * Says where this agent can be asked, to its owner only, until it is disposed.
 *
 * @throws AgentError `data_unusable`
 */
export function writeRunFile(dataDir: string, name: string, content: RunFile): Disposable {
  const file = fileOf(dataDir, name);
  try {
    file.save(content);
  } catch (cause) {
    throw dataUnusable(`${file.path} cannot be written`, cause);
  }
  return {
    [Symbol.dispose]() {
      // Another agent may have started since.
      if (readRunFile(dataDir, name)?.pid === content.pid) leaveNothing(file);
    },
  };
}

function leaveNothing(file: KeptFile<RunFile>): void {
  try {
    file.remove();
  } catch {
    // If it cannot be removed, a reader finds that nothing answers at its URL.
  }
}

/** @returns `undefined` where no agent has said where it can be asked */
export function readRunFile(dataDir: string, name: string): RunFile | undefined {
  const kept = fileOf(dataDir, name).load();
  return typeof kept === "string" ? undefined : kept;
}
