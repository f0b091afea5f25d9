import { setTimeout as delay } from "node:timers/promises";
import { systemClock } from "../platform/clock.js";

/** Polls until the condition holds. @returns how long that took, ms. @throws when it does not within the time, ms */
export async function eventually(
  condition: () => boolean | Promise<boolean>,
  timeoutMs = 20_000,
  what = "condition",
): Promise<number> {
  const startedAt = systemClock.now();
  while (!(await condition())) {
    if (systemClock.now() - startedAt > timeoutMs) throw new Error(`${what}: not within ${timeoutMs} ms`);
    await delay(2);
  }
  return systemClock.now() - startedAt;
}
