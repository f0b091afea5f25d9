import type { ProviderId } from "@hearth/protocol";
import type { Clock } from "../platform/clock.js";
import type { ProviderSession } from "./provider-session.js";

/** How long a provider that went away is still expected back, ms: as long as a request waits at most. */
const EXPECTED_BACK_MS = 120_000;
/** How long a machine that was caught cheating gets no requests, ms. */
const DISTRUST_MS = 600_000;
/** Machines remembered as cheats at most. */
const MAX_DISTRUSTED = 10_000;

/** Who is connected to this node, and who was a moment ago. */
export class Registry {
  readonly #clock: Clock;
  readonly #sessions = new Map<ProviderId, ProviderSession>();
  readonly #departures = new Map<ProviderId, Disposable>();
  readonly #distrustedUntil = new Map<ProviderId, number>();
  readonly #watchers = new Set<() => void>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Takes a session in. An older session of the same machine is closed as replaced. */
  add(session: ProviderSession): void {
    const older = this.#sessions.get(session.id);
    this.#forgetDeparture(session.id);
    this.#sessions.set(session.id, session);
    older?.close("replaced");
    this.changed();
  }

  /**
   * A session has ended.
   *
   * @param expectedBack it vanished rather than left: it stays known, as offline, while requests would wait for it
   */
  departed(session: ProviderSession, expectedBack: boolean): void {
    if (this.#sessions.get(session.id) !== session) return;
    this.#forgetDeparture(session.id);
    if (!expectedBack) return this.#remove(session);
    this.#departures.set(
      session.id,
      this.#clock.setTimer(EXPECTED_BACK_MS, () => this.#remove(session)),
    );
    this.changed();
  }

  /** Remembers a machine as one that cheats, so that reconnecting launders nothing. */
  distrust(id: ProviderId): void {
    this.#distrustedUntil.delete(id);
    this.#distrustedUntil.set(id, this.#clock.now() + DISTRUST_MS);
    const oldest = this.#distrustedUntil.keys().next().value;
    if (this.#distrustedUntil.size > MAX_DISTRUSTED && oldest !== undefined) this.#distrustedUntil.delete(oldest);
  }

  isDistrusted(id: ProviderId): boolean {
    const until = this.#distrustedUntil.get(id);
    return until !== undefined && this.#clock.now() < until;
  }

  /** The session of a connected provider. */
  get(id: ProviderId): ProviderSession | undefined {
    const session = this.#sessions.get(id);
    return session?.status === "offline" ? undefined : session;
  }

  /** Every provider that is connected or expected back, in the order of arrival. */
  providers(): IterableIterator<ProviderSession> {
    return this.#sessions.values();
  }

  /** Every connected provider. */
  *connected(): IterableIterator<ProviderSession> {
    for (const session of this.#sessions.values()) if (session.status !== "offline") yield session;
  }

  /** Connected machines of an account, without this one: a machine that comes back takes its own place. */
  othersOf(account: string, id: ProviderId): number {
    let count = 0;
    for (const session of this.connected()) if (session.account === account && session.id !== id) count += 1;
    return count;
  }

  /** Connected providers. */
  get size(): number {
    return this.#sessions.size - this.#departures.size;
  }

  /** Calls `onChange` whenever something that selection looks at may have changed. */
  watch(onChange: () => void): Disposable {
    this.#watchers.add(onChange);
    return { [Symbol.dispose]: () => this.#watchers.delete(onChange) };
  }

  changed(): void {
    for (const watcher of this.#watchers) watcher();
  }

  /** Gives back every timer. */
  [Symbol.dispose](): void {
    for (const timer of this.#departures.values()) timer[Symbol.dispose]();
    this.#departures.clear();
    this.#watchers.clear();
  }

  #remove(session: ProviderSession): void {
    this.#departures.delete(session.id);
    if (this.#sessions.get(session.id) === session) this.#sessions.delete(session.id);
    this.changed();
  }

  #forgetDeparture(id: ProviderId): void {
    this.#departures.get(id)?.[Symbol.dispose]();
    this.#departures.delete(id);
  }
}
