import { type Clock, describeFault } from "@hearth/platform";
import type { Logger } from "../platform/logger.js";
import type { ExtendResult, LedgerStore, PostResult, VoidResult } from "../store/ledger-store.js";
import { isStoreAway } from "../store/watched-store.js";
import type { OwedFile, OwedOperation } from "./journal.js";
import type { LedgerSettings } from "./ledger-settings.js";

export type OperationResult = ExtendResult | PostResult | VoidResult;

export type Settled =
  | { readonly type: "told"; readonly result: OperationResult }
  /** The store is away, and will be told: it is on this node's disk. */
  | { readonly type: "owed" }
  /** Neither the store nor the disk has taken it: it is told as long as this process lives. */
  | { readonly type: "away" }
  /** So much is owed already that it never will be told. */
  | { readonly type: "lost" };

export interface SettlerHooks {
  /** Something that was owed to the store will never be told to it. */
  lost(): void;
}

export interface SettlerDeps {
  readonly store: Pick<LedgerStore, "extend" | "post" | "void">;
  readonly journal: OwedFile;
  readonly clock: Clock;
  readonly log: Logger;
  readonly hooks: SettlerHooks;
  readonly settings: Pick<LedgerSettings, "retryMs" | "maxOwed">;
}

/**
 * Tells the store what has become of reservations, and owes it what it could not be told: in their order, over restarts,
 * until it has taken it. Telling twice does no harm.
 */
export class Settler {
  readonly #deps: SettlerDeps;
  readonly #owed: OwedOperation[];
  /** How many are owed of each reservation. */
  readonly #ids = new Map<string, number>();
  #timer: Disposable | undefined;
  #paying: Promise<void> | undefined;
  #stopped = false;

  /** @param owed what an earlier process has left in the journal */
  constructor(deps: SettlerDeps, owed: readonly OwedOperation[]) {
    this.#deps = deps;
    this.#owed = [...owed];
    for (const { input } of owed) this.#count(input.id, 1);
  }

  /** Whether something is owed of this reservation: whatever comes after that has to wait for it. */
  owes(id: string): boolean {
    return this.#ids.has(id);
  }

  get owed(): number {
    return this.#owed.length;
  }

  /** @throws what the store throws when it is not away */
  async settle(operation: OwedOperation): Promise<Settled> {
    if (!this.owes(operation.input.id)) {
      try {
        return { type: "told", result: await this.#tell(operation) };
      } catch (error) {
        if (!isStoreAway(error)) throw error;
      }
    }
    return this.#owe(operation);
  }

  /** Owes something that need not survive this process. */
  oweLightly(operation: OwedOperation): void {
    if (this.#owed.length >= this.#deps.settings.maxOwed) return;
    this.#add(operation);
  }

  /** Tells what is owed, as far as the store takes it. Never rejects. */
  pay(): Promise<void> {
    this.#timer?.[Symbol.dispose]();
    this.#timer = undefined;
    this.#paying ??= this.#payAll().finally(() => {
      this.#paying = undefined;
      if (this.#owed.length > 0) this.#arm();
    });
    return this.#paying;
  }

  /** Tries once more, and lets go of the journal. What is owed then is in it. @returns how much that is */
  async stop(): Promise<number> {
    await this.pay();
    this.#stopped = true;
    this.#timer?.[Symbol.dispose]();
    await this.#deps.journal.close();
    return this.#owed.length;
  }

  async #owe(operation: OwedOperation): Promise<Settled> {
    if (this.#owed.length >= this.#deps.settings.maxOwed) return this.#lose(operation);
    // Its place first: what comes after it, while the disk writes, waits behind it.
    this.#add(operation);
    try {
      await this.#deps.journal.append(operation);
      return { type: "owed" };
    } catch (error) {
      // It is told all the same as long as this process lives.
      this.#deps.log.error({ fault: describeFault(error) }, "ledger journal not written");
      return { type: "away" };
    }
  }

  /** A stream whose extension is lost ends when it is no longer covered: nothing of it was granted. */
  #lose({ type, input }: OwedOperation): Settled {
    if (type !== "extend") {
      this.#deps.log.error({ reservation: input.id }, "too much is owed to the store");
      this.#deps.hooks.lost();
    }
    return { type: "lost" };
  }

  #add(operation: OwedOperation): void {
    this.#owed.push(operation);
    this.#count(operation.input.id, 1);
    this.#arm();
  }

  #arm(): void {
    if (this.#stopped || this.#paying !== undefined) return;
    this.#timer ??= this.#deps.clock.setTimer(this.#deps.settings.retryMs, () => void this.pay());
  }

  async #payAll(): Promise<void> {
    for (let next = this.#owed[0]; next !== undefined; next = this.#owed[0]) {
      try {
        await this.#tell(next);
      } catch (error) {
        if (isStoreAway(error)) return;
        // Trying for ever would hold up everything behind it. The reservation expires, with what was told as used.
        this.#deps.log.error({ fault: describeFault(error), reservation: next.input.id }, "ledger operation refused");
        this.#deps.hooks.lost();
      }
      this.#owed.shift();
      this.#count(next.input.id, -1);
    }
    try {
      await this.#deps.journal.clear();
    } catch (error) {
      // Then it is told once more at the next start.
      this.#deps.log.error({ fault: describeFault(error) }, "ledger journal not cleared");
    }
  }

  #tell(operation: OwedOperation): Promise<OperationResult> {
    const { store } = this.#deps;
    switch (operation.type) {
      case "extend":
        return store.extend(operation.input);
      case "post":
        return store.post(operation.input);
      case "void":
        return store.void(operation.input.id, operation.input.nowMs);
    }
  }

  #count(id: string, change: 1 | -1): void {
    const count = (this.#ids.get(id) ?? 0) + change;
    if (count === 0) this.#ids.delete(id);
    else this.#ids.set(id, count);
  }
}
