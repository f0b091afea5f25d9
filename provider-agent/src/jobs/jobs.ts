import type { Clock } from "@hearth/platform";
import type { Backend } from "../backends/backend.js";
import type { Logger } from "../platform/logger.js";
import { Admission, type AdmissionLimits, DEFAULT_ADMISSION } from "./admission.js";
import type { JobOutlet, SharedJobDeps } from "./job.js";
import { JobStatistics } from "./job-statistics.js";
import { type JobsHooks, JobTable, type JobTableHooks } from "./job-table.js";
import type { ContextKeys } from "./opening-contexts.js";
import type { ReceiptIssuer } from "./receipt.js";

export interface JobsDeps {
  readonly backend: Backend;
  readonly keys: ContextKeys;
  readonly clock: Clock;
  readonly log: Logger;
  /** Absent = `DEFAULT_ADMISSION`: only the backend bounds how much runs at once. */
  readonly limits?: AdmissionLimits;

  /** Signs for what was served; absent = nobody does. */
  readonly receipts?: ReceiptIssuer;
  /** As {@link SharedJobDeps.answerEndMs}. */
  readonly answerEndMs?: number;
  readonly hooks?: JobsHooks;
}

/** Everything that runs on the backend, whatever connection it came over. */
export class Jobs {
  readonly statistics: JobStatistics = new JobStatistics();
  readonly #deps: JobsDeps;
  readonly #admission: Admission;
  readonly #tables = new Set<JobTable>();

  constructor(deps: JobsDeps) {
    this.#deps = deps;
    this.#admission = new Admission(deps.limits ?? DEFAULT_ADMISSION, deps.clock, deps.hooks);
  }

  /** The jobs of a new connection. */
  serve(outlet: JobOutlet, hooks: Pick<JobTableHooks, "settled">): JobTable {
    const { statistics } = this;
    for (const table of this.#tables) if (table.closed) this.#tables.delete(table);
    const allHooks = { ...this.#deps.hooks, ...hooks };
    const table = new JobTable({ ...this.#deps, statistics, admission: this.#admission, outlet, hooks: allHooks });
    this.#tables.add(table);
    return table;
  }

  /** A key may have been retired. */
  keysChanged(): void {
    for (const table of this.#tables) table.keysChanged();
  }

  /** Jobs that have not ended, with those that wait for their turn. */
  get size(): number {
    let size = 0;
    for (const table of this.#tables) size += table.size;
    return size;
  }

  /** How many of a model are on the backend, or on their way to it. */
  running(model: string): number {
    let count = 0;
    for (const table of this.#tables) count += table.count(model);
    return Math.max(0, count - this.waiting(model));
  }

  /** How many wait for their turn, for a model or at all. */
  waiting(model?: string): number {
    return this.#admission.waiting(model);
  }
}
