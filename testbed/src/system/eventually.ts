/** How often a condition is looked at, ms. */
const POLL_MS = 5;

/**
 * Polls until a condition holds; for what other processes do, which tell nobody.
 *
 * @returns how long it took, ms
 * @throws with the description when it does not hold within the deadline
 */
export async function eventually(
  what: string,
  holds: () => boolean | Promise<boolean>,
  deadlineMs: number = 60_000,
): Promise<number> {
  const startedAt = performance.now();
  while (!(await holds())) {
    if (performance.now() - startedAt > deadlineMs) throw new Error(`never happened: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
  return performance.now() - startedAt;
}
