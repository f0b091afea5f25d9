import { type Clock, describeFault, repeat } from "@hearth/platform";
import type { Logger } from "../platform/logger.js";
import type { LedgerStore } from "../store/ledger-store.js";
import type { Notices } from "./notices.js";
import type { NotificationSettings } from "./settings.js";

export interface NightlyAuditDeps {
  readonly clock: Clock;
  readonly log: Logger;
  readonly store: Pick<LedgerStore, "audit">;
  /** `undefined` = the log alone is told. */
  readonly notices: Pick<Notices, "tell"> | undefined;
  /** Read at each use. */
  readonly settings: () => Pick<NotificationSettings, "auditHour">;
}

/** How often it is looked whether it is time, ms. */
const LOOK_MS = 60_000;
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
/** Mismatches that are counted at most. */
const MOST = 1_000;

/** Adds up the ledger once a night, and says so where it does not add up. */
export class NightlyAudit implements Disposable {
  readonly #deps: NightlyAuditDeps;
  readonly #looking: Disposable;
  /** The day of the last one, counted from 1970. */
  #doneOn = -1;
  #running: Promise<void> | undefined;

  constructor(deps: NightlyAuditDeps) {
    this.#deps = deps;
    this.#looking = repeat(deps.clock, LOOK_MS, () => this.#look());
  }

  [Symbol.dispose](): void {
    this.#looking[Symbol.dispose]();
  }

  /** Resolves when nothing runs any more. */
  async ended(): Promise<void> {
    await this.#running;
  }

  #look(): void {
    const { clock, settings } = this.#deps;
    const wallMs = clock.wallTime();
    const day = Math.floor(wallMs / DAY_MS);
    const hour = Math.floor((wallMs % DAY_MS) / HOUR_MS);
    if (hour !== settings().auditHour || day === this.#doneOn || this.#running !== undefined) return;
    this.#running = this.#audit(day).finally(() => {
      this.#running = undefined;
    });
  }

  /** Never rejects. What fails is tried again within the hour. */
  async #audit(day: number): Promise<void> {
    const { log, store, notices } = this.#deps;
    try {
      const { transfers, reservations, mismatches } = await store.audit(MOST);
      this.#doneOn = day;
      const data = { mismatches: mismatches.length, transfers, reservations };
      if (mismatches.length === 0) {
        log.info(data, "ledger adds up");
        return;
      }
      log.error(data, "ledger does not add up");
      // Each coordinator of a database looks; one of them tells.
      const once = new Date(day * DAY_MS).toISOString().slice(0, 10);
      notices?.tell({ kind: "ledger.audit_failed", subject: `ledger/${once}`, once, data });
    } catch (error) {
      log.error({ fault: describeFault(error) }, "ledger not added up");
    }
  }
}
