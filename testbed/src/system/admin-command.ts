import { fileURLToPath } from "node:url";
import { ADMIN_KEY } from "../scripted/test-coordinator.js";
import { SpawnedProcess } from "./spawned-process.js";

const PROGRAM = fileURLToPath(new URL("../../../coordinator/dist/main.js", import.meta.url));

/** What somebody sees who has run a command. */
export interface Ran {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs `hearth-coordinator admin …` as it is built, against the coordinator at this address. */
export async function adminCommand(
  url: string,
  words: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<Ran> {
  await using command = new SpawnedProcess({
    name: words.join(" "),
    file: process.execPath,
    args: [PROGRAM, "admin", ...words],
    env: { HEARTH_URL: url, HEARTH_ADMIN_KEY: ADMIN_KEY, ...env },
  });
  const { code } = await command.exited;
  return { code, stdout: command.stdout, stderr: command.stderr };
}
