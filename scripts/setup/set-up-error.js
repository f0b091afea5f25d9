/** A failure whose message is written for the person at the terminal: it is printed without a stack. */
export class SetUpError extends Error {}

/**
 * Prints a failure and makes the process end with code 1.
 * @param {unknown} error
 */
export function reportFailure(error) {
  console.error(error instanceof SetUpError ? `\n${error.message}` : error);
  process.exitCode = 1;
}
