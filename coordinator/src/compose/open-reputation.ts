import { type Clock, describeFault, repeat } from "@hearth/platform";
import { type ProviderId, REPUTATION_REASONS } from "@hearth/protocol";
import { z } from "zod";
import type { Logger } from "../platform/logger.js";
import { Reputation, type ReputationDeps } from "../selection/reputation/reputation.js";
import type { DocumentStore } from "../store/document-store.js";

/** Where the records of machines are kept. */
const DOCUMENT = "reputation";
/** How often they are written where they have changed, ms: what a crash forgets of them is no more. */
const WRITE_MS = 60_000;
/** Machines that are kept, so that a document stays below a megabyte. */
const MACHINES_KEPT = 1_000;

const ms = z.number().min(0);
const keptSchema = z.object({
  /** Wall clock, ms since 1970. */
  written_at: ms,
  marks: z
    .array(
      z.object({
        provider: z.string().min(1).max(128),
        reason: z.enum(REPUTATION_REASONS),
        count: z.int().min(1),
        ms,
        ageMs: ms,
      }),
    )
    .max(MACHINES_KEPT * REPUTATION_REASONS.length),
});

export interface OpenReputationDeps extends ReputationDeps {
  readonly log: Logger;
  readonly documents: DocumentStore;
}

export interface KeptReputation {
  readonly reputation: Reputation;
  /** Writes what has changed, and no more. @returns what could not be written, in words for the operator */
  stop(): Promise<readonly string[]>;
}

/**
 * The records of machines, which outlive a restart. They are no more than a preference: what cannot be read begins anew,
 * and what cannot be written now is written the next time.
 */
export async function openReputation({ log, documents, ...deps }: OpenReputationDeps): Promise<KeptReputation> {
  const { clock } = deps;
  const reputation = new Reputation(deps);
  await restore(reputation, { log, documents, clock });
  let written = reputation.changes;
  const write = async (): Promise<boolean> => {
    const { changes } = reputation;
    if (changes === written) return true;
    try {
      const kept = { written_at: clock.wallTime(), marks: reputation.marks(MACHINES_KEPT) };
      await documents.put(DOCUMENT, JSON.stringify(kept));
      written = changes;
      return true;
    } catch (error) {
      log.warn({ fault: describeFault(error) }, "reputation not written");
      return false;
    }
  };
  const writing = repeat(clock, WRITE_MS, () => void write());
  return {
    reputation,
    async stop() {
      writing[Symbol.dispose]();
      return (await write()) ? [] : ["the reputation of machines"];
    },
  };
}

interface RestoreDeps extends Pick<OpenReputationDeps, "log" | "documents"> {
  readonly clock: Clock;
}

async function restore(reputation: Reputation, { log, documents, clock }: RestoreDeps): Promise<void> {
  const stored = await documents.get(DOCUMENT);
  if (stored === undefined) return;
  try {
    const { written_at: writtenAt, marks } = keptSchema.parse(JSON.parse(stored));
    // The wall clock may have been set back meanwhile.
    const awayMs = Math.max(0, clock.wallTime() - writtenAt);
    const aged = marks.map((mark) => ({
      ...mark,
      provider: mark.provider as ProviderId,
      ageMs: mark.ageMs + awayMs,
    }));
    reputation.restore(aged);
  } catch (error) {
    log.warn({ fault: describeFault(error) }, "stored reputation not read");
  }
}
