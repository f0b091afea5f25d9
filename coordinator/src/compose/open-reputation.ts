import { type Clock, describeFault, repeat } from "@hearth/platform";
import { type ProviderId, REPUTATION_REASONS } from "@hearth/protocol";
import { z } from "zod";
import type { Logger } from "../platform/logger.js";
import { type KeptMark, Reputation, type ReputationDeps } from "../selection/reputation/reputation.js";
import type { DocumentStore } from "../store/document-store.js";

/** Where the records of machines are kept: by each coordinator in a document that begins so and ends with its name. */
const DOCUMENTS = "reputation";
/** What a coordinator has not written for so long, ms, is forgotten: hardly anything of it counts any more. */
const FORGET_MS = 7 * 86_400_000;
/** Documents of other coordinators that are kept, those that were written last: who has no name of his own for long leaves many. */
const OTHERS_KEPT = 64;
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
  /** Names this coordinator among those of its database. */
  readonly node: string;
}

export interface KeptReputation {
  readonly reputation: Reputation;
  /** Writes what has changed, and no more. @returns what could not be written, in words for the operator */
  stop(): Promise<readonly string[]>;
}

/**
 * The records of machines, which outlive a restart; of other coordinators of the database, too, as they were when this one
 * started. They are no more than a preference: what cannot be read begins anew,
 * and what cannot be written now is written the next time.
 */
export async function openReputation({ log, documents, node, ...deps }: OpenReputationDeps): Promise<KeptReputation> {
  const { clock } = deps;
  const reputation = new Reputation(deps);
  const name = `${DOCUMENTS}/${node}`;
  await restore(reputation, { log, documents, clock, name });
  let written = reputation.changes;
  const write = async (): Promise<boolean> => {
    const { changes } = reputation;
    if (changes === written) return true;
    try {
      const kept = { written_at: clock.wallTime(), marks: reputation.marks(MACHINES_KEPT) };
      await documents.put(name, JSON.stringify(kept));
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
  /** The document of this coordinator's own. */
  readonly name: string;
}

async function restore(reputation: Reputation, { log, documents, clock, name: own }: RestoreDeps): Promise<void> {
  const now = clock.wallTime();
  const read: Kept[] = [];
  const gone: string[] = [];
  for (const { name, json } of await documents.list(DOCUMENTS)) {
    const kept = keptOf(name, json, { log, now });
    if (kept !== undefined && kept.ageMs <= FORGET_MS) read.push(kept);
    else if (name !== own) gone.push(name);
  }
  read.sort((one, other) => one.ageMs - other.ageMs);
  const others = read.filter(({ name }) => name !== own).map(({ name }) => name);
  await remove([...gone, ...others.slice(OTHERS_KEPT)], { log, documents });
  const marks = read.flatMap((kept) => kept.marks);
  reputation.restore(marks.sort((one, other) => other.ageMs - one.ageMs));
}

interface Kept {
  readonly name: string;
  readonly ageMs: number;
  /** As old as they are now. */
  readonly marks: readonly KeptMark[];
}

/** @returns `undefined` = it cannot be read */
function keptOf(
  name: string,
  json: string,
  { log, now }: { readonly log: Logger; readonly now: number },
): Kept | undefined {
  try {
    const { written_at: writtenAt, marks } = keptSchema.parse(JSON.parse(json));
    // The wall clock may have been set back meanwhile.
    const ageMs = Math.max(0, now - writtenAt);
    const aged = marks.map((mark) => ({
      ...mark,
      provider: mark.provider as ProviderId,
      ageMs: mark.ageMs + ageMs,
    }));
    return { name, ageMs, marks: aged };
  } catch (error) {
    log.warn({ name, fault: describeFault(error) }, "stored reputation not read");
    return undefined;
  }
}

/** Never rejects: what is still there is removed at another start. */
async function remove(
  names: readonly string[],
  { log, documents }: Pick<RestoreDeps, "log" | "documents">,
): Promise<void> {
  try {
    await documents.remove(names);
  } catch (error) {
    log.warn({ fault: describeFault(error) }, "old reputation not removed");
  }
}
