import { type Clock, Tally } from "@hearth/platform";
import type { ProviderId } from "@hearth/protocol";
import type { DepartedProvider } from "./departed-provider.js";

/** Bounds of the machines that are expected back, lest somebody fill the memory under ever new names. */
export interface DepartureLimits {
  /** How long a machine is expected back, ms: no longer than a request can wait. */
  readonly expectedBackMs: number;
  /** Machines of one address. */
  readonly perAddress: number;
  /** Machines of one account. */
  readonly perAccount: number;
  /** Machines and their models in all. */
  readonly entries: number;
}

export const DEFAULT_DEPARTURE_LIMITS: DepartureLimits = {
  expectedBackMs: 120_000,
  perAddress: 256,
  perAccount: 1_024,
  entries: 20_000,
};

interface Departure {
  readonly provider: DepartedProvider;
  /** Where it was connected from; `undefined` if it is known from an earlier run of the coordinator. */
  readonly address: string | undefined;
  readonly until: number;
}

/** Machines that left a moment ago and are expected back. Past a limit the one that left longest ago is forgotten. */
export class Departures implements Disposable {
  readonly #clock: Clock;
  readonly #limits: DepartureLimits;
  readonly #forgotten: (provider: DepartedProvider) => void;
  /** In the order of leaving, in which they are forgotten too. */
  readonly #departures = new Map<ProviderId, Departure>();
  readonly #perAddress = new Tally();
  readonly #perAccount = new Tally();
  #entries = 0;
  #timer: Disposable | undefined;

  /** @param forgotten told of each machine that did not come back in time or exceeded a limit */
  constructor(clock: Clock, limits: DepartureLimits, forgotten: (provider: DepartedProvider) => void) {
    this.#clock = clock;
    this.#limits = limits;
    this.#forgotten = forgotten;
  }

  get size(): number {
    return this.#departures.size;
  }

  get(id: ProviderId): DepartedProvider | undefined {
    return this.#departures.get(id)?.provider;
  }

  *providers(): IterableIterator<DepartedProvider> {
    for (const { provider } of this.#departures.values()) yield provider;
  }

  add(provider: DepartedProvider, address: string | undefined): void {
    const { id, account } = provider;
    this.take(id);
    this.#departures.set(id, { provider, address, until: this.#clock.now() + this.#limits.expectedBackMs });
    this.#entries += entriesOf(provider);
    this.#perAccount.add(account);
    if (address !== undefined) this.#perAddress.add(address);
    const { perAccount, perAddress, entries } = this.#limits;
    if (this.#perAccount.of(account) > perAccount) this.#forgetFirst((each) => each.provider.account === account);
    if (address !== undefined && this.#perAddress.of(address) > perAddress) {
      this.#forgetFirst((each) => each.address === address);
    }
    while (this.#entries > entries) this.#forgetFirst(() => true);
    this.#arm();
  }

  /** The machine is back, or is no longer expected. */
  take(id: ProviderId): void {
    const departure = this.#departures.get(id);
    if (departure === undefined) return;
    const { provider, address } = departure;
    this.#departures.delete(id);
    this.#entries -= entriesOf(provider);
    this.#perAccount.remove(provider.account);
    if (address !== undefined) this.#perAddress.remove(address);
    if (this.#departures.size === 0) this.#disarm();
  }

  [Symbol.dispose](): void {
    for (const id of [...this.#departures.keys()]) this.take(id);
  }

  #forgetFirst(alike: (departure: Departure) => boolean): void {
    for (const departure of this.#departures.values()) {
      if (!alike(departure)) continue;
      this.take(departure.provider.id);
      return this.#forgotten(departure.provider);
    }
  }

  /** Sets the one timer to when the first is due. */
  #arm(): void {
    if (this.#timer !== undefined) return;
    const [first] = this.#departures.values();
    if (first === undefined) return;
    this.#timer = this.#clock.setTimer(first.until - this.#clock.now(), () => {
      this.#timer = undefined;
      const now = this.#clock.now();
      for (const { provider, until } of [...this.#departures.values()]) {
        if (until > now) break;
        this.take(provider.id);
        this.#forgotten(provider);
      }
      this.#arm();
    });
  }

  #disarm(): void {
    this.#timer?.[Symbol.dispose]();
    this.#timer = undefined;
  }
}

const entriesOf = ({ models }: DepartedProvider): number => 1 + models.size;
