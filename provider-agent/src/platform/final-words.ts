import type { Writable } from "node:stream";
import { EXIT_CODES, isFinal } from "./agent-error.js";

/** Says what went wrong, for people or as JSON. @returns the exit code */
export function sayFinal(error: unknown, stderr: Writable, json: boolean): number {
  const code = isFinal(error) ? error.code : "internal";
  const message = isFinal(error) ? error.message : String((error as Error)?.stack ?? error);
  const document = { error: { code, exit_code: EXIT_CODES[code], message } };
  stderr.write(json ? `${JSON.stringify(document)}\n` : `${message}\n`);
  return EXIT_CODES[code];
}
