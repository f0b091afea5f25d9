import type { AttemptObserver, WaitQueue } from "@hearth/coordinator/internals";
import type { AttemptRecord } from "./journal.js";
import type { World } from "./world.js";

// docs/dispatch.md, rule 6.
const BURST = 10;
const PER_PRIMARY = 0.1;

/** A request counts for the model that it was admitted for, wherever its attempts go. */
const budgetOf = ({ request }: AttemptRecord): string => (request.attempts[0] as AttemptRecord).frame.model;

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
      const model = budgetOf(attempt);
      const left = tokens.get(model) ?? BURST;
      switch (role) {
        case "primary":
          return void tokens.set(model, Math.min(BURST, left + PER_PRIMARY));
        case "retry":
          return void tokens.set(model, Math.max(0, left - 1));
        case "backup":
          tokens.set(model, left - 1);
          // A primary that nobody could take after all earns its tenth unseen.
          if (left < 0.1) journal.find("hedges stay within their budget", `${attempt.id} had no token`);
          return noneWaits(attempt, model);
        case "overtake":
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
