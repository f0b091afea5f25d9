import { BoundedMap, type Clock, Tally } from "@hearth/platform";
import type { ProviderId } from "@hearth/protocol";
import { DepartedProvider } from "./departed-provider.js";
import { DEFAULT_DEPARTURE_LIMITS, type DepartureLimits, Departures } from "./departures.js";
import { LeavingSessions } from "./leaving-sessions.js";
import { ModelIndex } from "./model-index.js";
import type { Provider } from "./provider.js";
import type { FleetDirectory, FleetWatcher } from "./provider-directory.js";
import type { ProviderSession } from "./provider-session.js";
import { isIdle, type Work, WorkHistory } from "./work-history.js";
import { type Looked, NO_LOOKS } from "./work-tally.js";

/** How long a machine that was caught cheating gets no requests, ms. */
const DISTRUST_MS = 600_000;
/** Machines remembered as cheats at most. */
const MAX_DISTRUSTED = 10_000;

/** Machines of which it is remembered how they fared in the last hour: more than are connected to one coordinator. */
const MAX_HISTORIES = 20_000;

interface Connected {
  readonly session: ProviderSession;
  /** Where it is connected from. */
  readonly address: string;
}

/** The providers that are connected to this node, or were a moment ago. */
export class Registry implements FleetDirectory {
  readonly #clock: Clock;
  readonly #connected = new Map<ProviderId, Connected>();
  readonly #perAccount = new Tally();
  readonly #leaving = new LeavingSessions();
  readonly #departures: Departures;
  readonly #index = new ModelIndex();
  readonly #distrustedUntil = new BoundedMap<ProviderId, number>(MAX_DISTRUSTED);
  #onDistrust: (id: ProviderId) => void = () => {};
  readonly #watchers = new Set<FleetWatcher>();
  readonly #histories = new BoundedMap<ProviderId, WorkHistory>(MAX_HISTORIES);

  constructor(clock: Clock, limits: DepartureLimits = DEFAULT_DEPARTURE_LIMITS) {
    this.#clock = clock;
    this.#departures = new Departures(clock, limits, ({ id, models }) => {
      this.#index.delete(id);
      this.changed(models);
    });
  }

  /**
   * Adds a session. An older session of the same machine is closed as replaced, unless it was sent away: then it
   * finishes what runs, which counts as load of the new one.
   */
  add(session: ProviderSession, address: string = ""): void {
    const older = this.link(session.id);
    const isBack = older !== undefined || this.#departures.get(session.id) !== undefined;
    const holder = this.#leaving.heldBy(session.id, older);
    this.#departures.take(session.id);
    this.#connect(session, address);
    if (holder !== undefined) session.succeed(holder);
    if (older?.sentAway === true) {
      // Searches from now on no longer concern the older session.
      older.work.follow(NO_LOOKS, []);
      this.#leaving.add(older);
    } else {
      older?.close("replaced");
    }
    // It may be back without a model that somebody waits for.
    this.changed(isBack ? undefined : session.models);
  }

  /** A session has changed. */
  updated(session: ProviderSession): void {
    const isConnected = this.#connected.get(session.id)?.session === session;
    // Who waits for what it does not name any more is to hear of that as well.
    this.changed(isConnected && this.#list(session) ? undefined : session.models);
  }

  /**
   * A session has ended.
   *
   * @param expectedBack it vanished without a goodbye: for a while its facts are kept for requests that wait for it
   */
  departed(session: ProviderSession, expectedBack: boolean): void {
    if (this.#leaving.ended(session)) return this.changed(session.models);
    const connected = this.#connected.get(session.id);
    if (connected?.session !== session) return;
    this.#disconnect(session);
    this.#leaving.leftBy(session);
    if (expectedBack) this.expect(DepartedProvider.of(session, this.#clock.now()), connected.address);
    else this.#index.delete(session.id);
    this.changed(session.models);
  }

  /** A machine that is not connected may come at any moment, so requests wait for it. */
  expect(provider: DepartedProvider, address?: string): void {
    if (this.#connected.has(provider.id)) return;
    this.#index.set(provider);
    this.#departures.add(provider, address);
  }

  /** Whether it vanished a moment ago, and may come back. */
  isExpected(id: ProviderId): boolean {
    return this.#departures.get(id) !== undefined;
  }

  /** A machine that is expected back here has come back to another node. */
  arrivedElsewhere(id: ProviderId): void {
    const departed = this.#departures.get(id);
    if (departed === undefined) return;
    this.#departures.take(id);
    this.#index.delete(id);
    this.changed(departed.models);
  }

  /** Whether a machine that is connected or expected back names this model. */
  serves(model: string): boolean {
    return this.#index.has(model);
  }

  /** Calls `told` of each machine that is found cheating. */
  watchDistrust(told: (id: ProviderId) => void): void {
    this.#onDistrust = told;
  }

  /** Closes all connections of a machine that cheats, and remembers it, so that reconnecting does not help. */
  distrust(id: ProviderId): void {
    this.#distrustedUntil.set(id, this.#clock.now() + DISTRUST_MS);
    this.#onDistrust(id);
    this.link(id)?.close("untrusted");
    for (const session of this.#leaving.of(id)) session.close("untrusted");
  }

  isDistrusted(id: ProviderId): boolean {
    return this.distrustedMs(id) > 0;
  }

  /** A machine has been told how it fared since its last heartbeat. */
  worked(id: ProviderId, work: Work): void {
    if (isIdle(work)) return;
    const history = this.#histories.get(id) ?? new WorkHistory();
    history.add(work, this.#clock.now());
    // Anew each time, so that who has been away for longest makes room.
    this.#histories.set(id, history);
  }

  workOf(id: ProviderId): Work {
    return this.#histories.get(id)?.lastHour(this.#clock.now()) ?? { picked: 0, lost: 0, rejected: {} };
  }

  /** How long it gets no requests yet because it cheats, ms. */
  distrustedMs(id: ProviderId): number {
    const until = this.#distrustedUntil.get(id);
    return until === undefined ? 0 : Math.max(0, until - this.#clock.now());
  }

  link(id: ProviderId): ProviderSession | undefined {
    return this.#connected.get(id)?.session;
  }

  models(): Iterable<string> {
    return this.#index.models();
  }

  serving(model: string): readonly Provider[] {
    return this.#index.of(model);
  }

  /** Counts a search for a provider for all machines that it concerns. */
  looked(look: Looked): void {
    this.#index.looked(look);
    if (look.winner !== undefined) this.link(look.winner)?.work.won();
    for (const [gate, providers] of look.rejected) {
      for (const provider of providers) this.link(provider)?.work.rejected(gate, look);
    }
  }

  /** Every provider that is connected, in the order of arrival, or expected back. */
  *providers(): IterableIterator<Provider> {
    yield* this.connected();
    yield* this.#departures.providers();
  }

  /** Every connected provider. */
  *connected(): IterableIterator<ProviderSession> {
    for (const { session } of this.#connected.values()) yield session;
  }

  /** Every session: of each connected provider, and those that only finish what runs. */
  *sessions(): IterableIterator<ProviderSession> {
    yield* this.connected();
    yield* this.#leaving;
  }

  /** Connected machines of an account, without this one, which when it comes back replaces itself. */
  othersOf(account: string, id: ProviderId): number {
    const itself = this.link(id)?.account === account ? 1 : 0;
    return this.#perAccount.of(account) - itself;
  }

  /** Connected providers. */
  get size(): number {
    return this.#connected.size;
  }

  /** Providers that are not connected and expected back. */
  get expected(): number {
    return this.#departures.size;
  }

  /** Calls `onChange` whenever something that selection looks at may have changed. */
  watch(onChange: FleetWatcher): Disposable {
    this.#watchers.add(onChange);
    return { [Symbol.dispose]: () => this.#watchers.delete(onChange) };
  }

  /** @param models those whose machines have changed; absent = any */
  changed(models?: Provider["models"]): void {
    for (const watcher of this.#watchers) watcher(models);
  }

  #connect(session: ProviderSession, address: string): void {
    const older = this.link(session.id);
    if (older !== undefined) this.#perAccount.remove(older.account);
    this.#perAccount.add(session.account);
    this.#connected.set(session.id, { session, address });
    // It comes after those that have served its models all the time.
    this.#index.delete(session.id);
    this.#list(session);
  }

  /** @returns whether it names other models than before */
  #list(session: ProviderSession): boolean {
    const isOther = this.#index.set(session);
    if (isOther) session.work.follow(this.#index.looks, this.#index.looksOf(session));
    return isOther;
  }

  #disconnect({ id, account }: ProviderSession): void {
    this.#perAccount.remove(account);
    this.#connected.delete(id);
  }

  /** Ends all timers. */
  [Symbol.dispose](): void {
    this.#departures[Symbol.dispose]();
    this.#watchers.clear();
  }
}
