import { type Clock, describeFault } from "@hearth/platform";
import { type MachinePause, machinePauseSchema, type ProviderId } from "@hearth/protocol";
import { z } from "zod";
import { HearthError } from "../platform/errors.js";
import type { Logger } from "../platform/logger.js";
import type { DocumentStore } from "../store/document-store.js";

/** Paused machines at most: each has a row, and all are read at the start. */
const MAX_PAUSES = 10_000;
/** … of one account. */
const MAX_OF_ACCOUNT = 1_000;
/** Where they are stored, a document each. */
const DOCUMENTS = "machine-pause/";
/** Timers take no more than this at once, ms. */
const LONGEST_WAIT_MS = 24 * 3_600_000;

/** Of the account: a machine that is another one's now is not paused by it. */
const storedSchema = z.object({ account: z.string(), ...machinePauseSchema.shape });
type Stored = z.infer<typeof storedSchema>;

export interface MachinePausesDeps {
  readonly clock: Clock;
  readonly log: Logger;
  readonly documents: DocumentStore;
  /** A machine is paused, or is not any more. */
  readonly changed: (id: ProviderId) => void;
  /** The same, said here: other coordinators have to know. Absent = there are none. */
  readonly told?: (id: ProviderId) => void;
}

export interface PausedMachine {
  readonly id: ProviderId;
  readonly account: string;
}

/** Which machines their owners have paused here; it outlives connections and restarts, and may end by itself. */
export class MachinePauses implements Disposable {
  readonly #deps: MachinePausesDeps;
  readonly #pauses = new Map<string, Stored>();
  #timer: Disposable | undefined;

  private constructor(deps: MachinePausesDeps) {
    this.#deps = deps;
  }

  /** @throws what the store throws: to go on without it would give requests to machines that are paused */
  static async open(deps: MachinePausesDeps): Promise<MachinePauses> {
    const all = new MachinePauses(deps);
    for (const [id, pause] of await all.#stored()) all.#pauses.set(id, pause);
    all.#arm();
    return all;
  }

  /** Another coordinator was told something: as the store has it now. @throws StoreError */
  async reload(): Promise<void> {
    const stored = await this.#stored();
    for (const id of new Set([...stored.keys(), ...this.#pauses.keys()])) {
      const pause = stored.get(id);
      if (JSON.stringify(pause) === JSON.stringify(this.#pauses.get(id))) continue;
      if (pause === undefined) this.#pauses.delete(id);
      else this.#pauses.set(id, pause);
      this.#deps.changed(id as ProviderId);
    }
    this.#arm();
  }

  async #stored(): Promise<ReadonlyMap<string, Stored>> {
    const { documents, log } = this.#deps;
    const stored = new Map<string, Stored>();
    for (const { name, json } of await documents.list(DOCUMENTS)) {
      try {
        stored.set(name.slice(DOCUMENTS.length), storedSchema.parse(JSON.parse(json)));
      } catch (error) {
        log.warn({ name, fault: describeFault(error) }, "stored pause of a machine not read");
      }
    }
    return stored;
  }

  [Symbol.dispose](): void {
    this.#timer?.[Symbol.dispose]();
  }

  of({ id, account }: PausedMachine): MachinePause | undefined {
    // Asked of every machine for every request: mostly there is none at all.
    if (this.#pauses.size === 0) return undefined;
    const stored = this.#pauses.get(id);
    if (stored === undefined || stored.account !== account || this.#isOver(stored)) return undefined;
    const { account: _account, ...pause } = stored;
    return pause;
  }

  /** @throws HearthError, StoreError */
  async pause({ id, account }: PausedMachine, pause: MachinePause): Promise<void> {
    if (!this.#pauses.has(id)) this.#checkRoom(account);
    const stored: Stored = { account, ...pause };
    await this.#deps.documents.put(DOCUMENTS + id, JSON.stringify(stored));
    this.#pauses.set(id, stored);
    this.#arm();
    this.#deps.changed(id);
    this.#deps.told?.(id);
  }

  /** @throws StoreError */
  async resume({ id, account }: PausedMachine): Promise<void> {
    if (this.#pauses.get(id)?.account !== account) return;
    await this.#forget(id as ProviderId);
  }

  #checkRoom(account: string): void {
    let own = 0;
    for (const each of this.#pauses.values()) if (each.account === account) own += 1;
    if (own < MAX_OF_ACCOUNT && this.#pauses.size < MAX_PAUSES) return;
    throw new HearthError("invalid_request", "Too many machines are paused already: pause it on the machine itself.");
  }

  async #forget(id: ProviderId): Promise<void> {
    await this.#deps.documents.remove([DOCUMENTS + id]);
    this.#pauses.delete(id);
    this.#arm();
    this.#deps.changed(id);
    this.#deps.told?.(id);
  }

  #isOver({ until }: MachinePause): boolean {
    return until !== undefined && until * 1_000 <= this.#deps.clock.wallTime();
  }

  /** Wakes up when the next one ends: requests may wait for that machine. */
  #arm(): void {
    this.#timer?.[Symbol.dispose]();
    this.#timer = undefined;
    const ends = [...this.#pauses.values()].flatMap(({ until }) => (until === undefined ? [] : [until * 1_000]));
    if (ends.length === 0) return;
    const { clock } = this.#deps;
    const waitMs = Math.min(Math.max(Math.min(...ends) - clock.wallTime(), 0), LONGEST_WAIT_MS);
    this.#timer = clock.setTimer(waitMs, () => void this.#endThose());
  }

  async #endThose(): Promise<void> {
    const over = [...this.#pauses].flatMap(([id, pause]) => (this.#isOver(pause) ? [id as ProviderId] : []));
    for (const id of over) {
      try {
        await this.#forget(id);
      } catch (error) {
        // It does not count any more, and is forgotten with the next start's.
        this.#pauses.delete(id);
        this.#deps.changed(id);
        this.#deps.log.warn({ provider: id, fault: describeFault(error) }, "pause of a machine not forgotten");
      }
    }
    this.#arm();
  }
}
