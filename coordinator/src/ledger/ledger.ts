import { type Clock, describeFault, repeat } from "@hearth/platform";
import type { Logger } from "../platform/logger.js";
import { type MicroUsd, microUsd } from "../platform/micro-usd.js";
import type {
  AbandonResult,
  Budget,
  Insufficient,
  LedgerStore,
  NewReservation,
  WorkPart,
} from "../store/ledger-store.js";
import { isStoreAway } from "../store/watched-store.js";
import { type Found, Journal, NO_JOURNAL, type OwedFile, type OwedOperation } from "./journal.js";
import type { LedgerSettings } from "./ledger-settings.js";
import { type ExtendOutcome, type PostOutcome, Reservation } from "./reservation.js";
import { type Settled, Settler } from "./settler.js";
import { Sweeper } from "./sweeper.js";

/** What happens to money, for whoever counts. */
export interface LedgerHooks {
  reserved(): void;
  insufficient(limitedBy: Insufficient["limitedBy"]): void;
  /** @param lost what the platform has paid beyond the reservation */
  posted(charged: MicroUsd, lost: MicroUsd): void;
  voided(): void;
  /** One that nobody resolved any more was posted or voided in his place. */
  abandoned(as: "posted" | "voided"): void;
  /** The store could not be told, and is owed it. */
  owed(): void;
  /** Something will never be told to the store. */
  lost(): void;
}

export interface LedgerDeps {
  readonly store: LedgerStore;
  readonly clock: Clock;
  readonly log: Logger;
  readonly hooks: LedgerHooks;
  /** Names this coordinator, and no other one of the same database: the reservations of this name are its own. */
  readonly node: string;
  /** The file of what is owed to a store that is away; `undefined` = it is owed as long as this process lives. */
  readonly journalPath: string | undefined;
  readonly settings: LedgerSettings;
}

export interface ReserveRequest {
  /** One a request. */
  readonly id: string;
  readonly requestId: string;
  /** Who asks. */
  readonly account: string;
  /** Whose money it is; absent = his own. */
  readonly payer?: string | undefined;
  readonly max: MicroUsd;
  readonly budget?: Budget | undefined;
}

export type ReserveOutcome =
  | { readonly type: "reserved"; readonly reservation: Reservation }
  | Insufficient
  /** The store does not answer: whether there is enough is not known. */
  | { readonly type: "away" };

/** The money of requests: reserve, extend, then post or void. docs/ledger.md has the rules. */
export class Ledger {
  readonly #deps: LedgerDeps;
  readonly #settler: Settler;
  readonly #sweeper: Sweeper;
  /** Ids of what this process will resolve; `undefined` while the store is asked. */
  readonly #live = new Map<string, { reservation: Reservation; renewedMs: number } | undefined>();
  readonly #sweeping: Disposable;

  private constructor(deps: LedgerDeps, journal: OwedFile, owed: readonly OwedOperation[]) {
    this.#deps = deps;
    this.#settler = new Settler({ ...deps, journal }, owed);
    this.#sweeper = new Sweeper({
      ...deps,
      isLive: (id) => this.#live.has(id) || this.#settler.owes(id),
      abandoned: (result) => this.#abandoned(result),
    });
    this.#sweeping = repeat(deps.clock, deps.settings.sweepMs, () => void this.sweep());
  }

  /**
   * Tells the store what an earlier process owed it, and resolves what that left open.
   *
   * @throws the file system's error, where the journal cannot be opened
   */
  static async open(deps: LedgerDeps): Promise<Ledger> {
    const { journal, owed, unreadable } = await foundAt(deps);
    if (unreadable > 0) deps.log.error({ lines: unreadable }, "ledger journal has lines that cannot be read");
    for (let n = 0; n < unreadable; n++) deps.hooks.lost();
    const ledger = new Ledger(deps, journal, owed);
    await ledger.#settler.pay();
    await ledger.sweep();
    return ledger;
  }

  /** Sets money aside. @throws HearthError `invalid_request` for an amount that is none; what a store throws that is not away */
  async reserve(request: ReserveRequest): Promise<ReserveOutcome> {
    const { id, requestId, account, payer = account, max, budget } = request;
    microUsd(max);
    const { store, node, hooks, settings, clock } = this.#deps;
    const { feeBasisPoints } = settings;
    const asked: NewReservation = {
      id,
      requestId,
      account,
      payer,
      node,
      max,
      feeBasisPoints,
      budget,
      ...this.#lease(),
    };
    this.#live.set(id, undefined);
    try {
      const result = await store.reserve(asked);
      if (result.type === "reserved") {
        const reservation = new Reservation(id, max, this.#home);
        this.#live.set(id, { reservation, renewedMs: clock.now() });
        hooks.reserved();
        return { type: "reserved", reservation };
      }
      this.#live.delete(id);
      if (result.type === "conflict") throw new Error("A reservation's id was used twice.");
      hooks.insufficient(result.limitedBy);
      return result;
    } catch (error) {
      this.#live.delete(id);
      if (!isStoreAway(error)) throw error;
      // It may have been made all the same.
      this.#settler.oweLightly({ type: "void", input: { id, nowMs: clock.wallTime() } });
      return { type: "away" };
    }
  }

  /** Renews what is live, and resolves what is not. Never rejects. */
  async sweep(): Promise<void> {
    await this.#renew();
    await this.#sweeper.sweep();
  }

  /** @returns how many operations are owed to the store still; the next start tells them */
  async stop(): Promise<number> {
    this.#sweeping[Symbol.dispose]();
    return this.#settler.stop();
  }

  #lease(): { nowMs: number; expiresAtMs: number } {
    const nowMs = this.#deps.clock.wallTime();
    return { nowMs, expiresAtMs: nowMs + this.#deps.settings.leaseMs };
  }

  readonly #home = {
    extend: (reservation: Reservation, max: MicroUsd, used: readonly WorkPart[]) =>
      this.#extend(reservation, max, used),
    post: (reservation: Reservation, parts: readonly WorkPart[]) => this.#post(reservation, parts),
    void: (reservation: Reservation) => this.#void(reservation),
  };

  async #extend({ id }: Reservation, max: MicroUsd, used: readonly WorkPart[]): Promise<ExtendOutcome> {
    // It has gone on without the store once.
    if (this.#settler.owes(id)) return { type: "away" };
    const live = this.#live.get(id);
    if (live !== undefined) live.renewedMs = this.#deps.clock.now();
    const settled = await this.#settle({ type: "extend", input: { id, max, used, ...this.#lease() } });
    if (settled.type !== "told") return { type: settled.type === "owed" ? "on_credit" : "away" };
    const { result } = settled;
    switch (result.type) {
      case "extended":
        return { type: "extended" };
      case "insufficient":
        this.#deps.hooks.insufficient(result.limitedBy);
        return result;
      default:
        return { type: "closed" };
    }
  }

  async #post({ id }: Reservation, parts: readonly WorkPart[]): Promise<PostOutcome> {
    const { clock, hooks, settings } = this.#deps;
    const lowBalance = BigInt(settings.lowBalanceMicroUsd);
    const nowMs = clock.wallTime();
    try {
      const settled = await this.#settle({ type: "post", input: { id, parts, nowMs, lowBalance } });
      if (settled.type !== "told") return { type: settled.type };
      const { result } = settled;
      if (result.type !== "posted") return { type: "already", charged: "charged" in result ? result.charged : 0n };
      hooks.posted(result.charged, result.lost);
      return { type: "posted", charged: result.charged, lost: result.lost };
    } finally {
      this.#live.delete(id);
    }
  }

  async #void({ id }: Reservation): Promise<void> {
    try {
      await this.#settle({ type: "void", input: { id, nowMs: this.#deps.clock.wallTime() } });
      this.#deps.hooks.voided();
    } finally {
      this.#live.delete(id);
    }
  }

  async #settle(operation: OwedOperation): Promise<Settled> {
    const settled = await this.#settler.settle(operation);
    if (settled.type === "owed" || settled.type === "away") this.#deps.hooks.owed();
    return settled;
  }

  async #renew(): Promise<void> {
    const { store, clock, log, settings } = this.#deps;
    const due = [...this.#live.values()].filter(
      (live) => live !== undefined && clock.now() - live.renewedMs >= settings.leaseMs / 3,
    );
    for (const live of due) {
      if (live === undefined || !live.reservation.isOpen || this.#settler.owes(live.reservation.id)) continue;
      const { id, max, used } = live.reservation;
      try {
        await store.extend({ id, max, used, ...this.#lease() });
        live.renewedMs = clock.now();
      } catch (error) {
        log.error({ fault: describeFault(error) }, "reservation not renewed");
        return;
      }
    }
  }

  #abandoned(result: AbandonResult): void {
    if (result.type !== "kept") this.#deps.hooks.abandoned(result.type);
  }
}

function foundAt({ journalPath, settings }: LedgerDeps): Promise<Found> {
  if (journalPath === undefined) return Promise.resolve({ journal: NO_JOURNAL, owed: [], unreadable: 0 });
  return Journal.open(journalPath, settings.maxJournalBytes);
}
