import type { AttemptObserver, WaitQueue } from "@hearth/coordinator/internals";
import type { AttemptRecord } from "./journal.js";
import type { World } from "./world.js";

// docs/dispatch.md, rule 6.
const BURST = 10;
const PER_PRIMARY = 0.1;

/** Learns each attempt's role, and keeps a hedge budget of its own beside the coordinator's. */
export function watchHedges(world: World, queue: WaitQueue): AttemptObserver {
  const { journal } = world;
  return {
    receipt() {},
    started(role) {
      const attempt = journal.lastOpened as AttemptRecord;
      attempt.role = role;
      journal.count(role);
      world.trace(
        `${attempt.id} (${role}) of request ${attempt.request.plan.index} goes to p${attempt.connection.provider}`,
      );
      switch (role) {
        case "primary":
          journal.hedgeTokens = Math.min(BURST, journal.hedgeTokens + PER_PRIMARY);
          return;
        case "retry":
          journal.hedgeTokens = Math.max(0, journal.hedgeTokens - 1);
          return;
        case "backup":
          journal.hedgeTokens -= 1;
          // A primary that nobody could take after all earns its tenth unseen.
          if (journal.hedgeTokens < -0.9) journal.find("hedges stay within their budget", `${attempt.id} had no token`);
          if (queue.depth(attempt.frame.model) > 0) {
            journal.find("nobody hedges while others wait", `${attempt.id} for ${attempt.frame.model}`);
          }
          return;
      }
    },
    content: () => {},
    ended: () => {},
    undigested: () => {},
    usageClamped: () => {},
    cancelConfirmed: () => {},
  };
}
