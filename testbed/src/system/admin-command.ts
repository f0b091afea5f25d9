import { createProgram, exitOf } from "@hearth/coordinator/internals";
import { ADMIN_KEY } from "../scripted/test-coordinator.js";

/** What somebody sees who has run a command. */
export interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * Runs `hearth-coordinator admin …` against the coordinator at this address: the whole command but for its process, whose
 * start would take most of the time.
 */
export async function adminCommand(
  url: string,
  words: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<Ran> {
  const ran = { code: 0, stdout: "", stderr: "" };
  const say = (line: string): void => {
    ran.stderr += `${line}\n`;
  };
  const context = {
    env: { HEARTH_URL: url, HEARTH_ADMIN_KEY: ADMIN_KEY, ...env },
    say,
    print(line: string) {
      ran.stdout += `${line}\n`;
    },
    exitWith(code: number) {
      ran.code = code;
    },
  };
  const serve = (): Promise<void> => Promise.reject(new Error("only commands run here"));
  try {
    await createProgram(context, serve).parseAsync(["admin", ...words], { from: "user" });
  } catch (error) {
    const { message, code } = exitOf(error);
    if (message !== undefined) say(message);
    ran.code = code;
  }
  return ran;
}
