import type { AttemptObserver, AttemptRole, WaitQueue } from "@hearth/coordinator/internals";
import { slotsOf } from "./fleet-view.js";
import type { AttemptRecord } from "./journal.js";
import { SLOTS_PER_OVERTAKE } from "./rules.js";
import type { World } from "./world.js";

// docs/dispatch.md, rule 6.
const BURST = 10;
const PER_PRIMARY = 0.1;

/** However slow the fleet is, few attempts run beside others because those take long. */
function checkOvertakes(world: World, model: string): void {
  const { journal } = world;
  let running = 0;
  for (const { openAttempts } of journal.connections) {
    for (const { role, frame } of openAttempts) if (role === "overtake" && frame.model === model) running += 1;
  }
  const most = Math.ceil(slotsOf(world, model) / SLOTS_PER_OVERTAKE);
  if (running > most) journal.find("few overtake others", `${running} for ${model}, where ${most} may`);
}

/**
 * Whose budget it is: a primary and its retries count for the build that the request was admitted for, and a backup for
 * the one of the attempt that it is beside.
 */
function budgetOf({ request }: AttemptRecord, role: AttemptRole): string {
  const charged = role === "backup" ? request.attempts.at(-2) : request.attempts[0];
  return (charged as AttemptRecord).frame.model;
}

/** Learns each attempt's role, and keeps a hedge budget of its own beside the coordinator's. */
export function watchHedges(world: World, queue: WaitQueue): AttemptObserver {
  const { journal } = world;
  const noneWaits = (attempt: AttemptRecord, model: string): void => {
    if (queue.depth(model) > 0) journal.find("nobody hedges while others wait", `${attempt.id} for ${model}`);
  };
  const tokens = new Map<string, number>();
  return {
    receipt() {},
    started(role) {
      const attempt = journal.lastOpened as AttemptRecord;
      journal.startAttempt(attempt, role);
      journal.count(role);
      world.trace(
        `${attempt.id} (${role}) of request ${attempt.request.plan.index} goes to p${attempt.connection.provider}`,
      );
      const model = budgetOf(attempt, role);
      const left = tokens.get(model) ?? BURST;
      switch (role) {
        case "primary":
          return void tokens.set(model, Math.min(BURST, left + PER_PRIMARY));
        case "retry":
          // One that had to wait has drawn its token before, when there may have been none.
          if (!attempt.pick?.waited) tokens.set(model, Math.max(0, left - 1));
          return;
        case "backup":
          tokens.set(model, left - 1);
          // A primary that nobody could take after all earns its tenth unseen.
          if (left < 0.1) journal.find("hedges stay within their budget", `${attempt.id} had no token`);
          return noneWaits(attempt, model);
        case "overtake":
          checkOvertakes(world, attempt.frame.model);
          return noneWaits(attempt, attempt.frame.model);
      }
    },
    content: () => {},
    ended: () => {},
    undigested: () => {},
    usageClamped: () => {},
    cancelConfirmed: () => {},
  };
}
