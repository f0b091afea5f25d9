import { type Clock, describeFault } from "@hearth/platform";
import type { Logger } from "../platform/logger.js";
import type { AccountStore } from "../store/account-store.js";
import type { AccountSettings } from "./settings.js";

export interface SuspensionDeps {
  readonly clock: Clock;
  readonly log: Logger;
  readonly store: Pick<AccountStore, "suspendedAccounts">;
  readonly settings: () => Pick<AccountSettings, "cachedMs">;
  /** These accounts are suspended, and were not before: what they have running here has to go. */
  readonly suspended: (accounts: readonly string[]) => void;
}

/** The suspended accounts, in memory: also another coordinator's word is heard within `cachedMs`. */
export class Suspensions implements Disposable {
  readonly #deps: SuspensionDeps;
  #current: ReadonlySet<string> = new Set();
  #timer: Disposable | undefined;
  #ended = false;

  constructor(deps: SuspensionDeps) {
    this.#deps = deps;
  }

  has(account: string): boolean {
    return this.#current.has(account);
  }

  /** Looks once, and again and again until disposed. @throws what the store throws at the first look */
  async start(): Promise<void> {
    await this.look();
    this.#arm();
  }

  /** @throws what the store throws */
  async look(): Promise<void> {
    const next = new Set(await this.#deps.store.suspendedAccounts());
    const added = [...next].filter((account) => !this.#current.has(account));
    this.#current = next;
    if (added.length > 0) this.#deps.suspended(added);
  }

  [Symbol.dispose](): void {
    this.#ended = true;
    this.#timer?.[Symbol.dispose]();
  }

  #arm(): void {
    if (this.#ended) return;
    const { clock, settings } = this.#deps;
    this.#timer = clock.setTimer(settings().cachedMs, () => void this.#lookAgain());
  }

  async #lookAgain(): Promise<void> {
    try {
      await this.look();
    } catch (error) {
      // What was known holds until the store answers again.
      this.#deps.log.warn({ fault: describeFault(error) }, "suspended accounts not read");
    }
    this.#arm();
  }
}
