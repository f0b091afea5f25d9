import type { ProviderId } from "@hearth/protocol";
import type { ProviderSession } from "./provider-session.js";

interface Leaving {
  readonly sessions: Set<ProviderSession>;
  /** The later session of the machine that ended last. It counts the load of these until the next one comes. */
  holder: ProviderSession | undefined;
}

/** Sessions that were sent away to reconnect. They finish what runs while the machine has another session. */
export class LeavingSessions implements Iterable<ProviderSession> {
  readonly #machines = new Map<ProviderId, Leaving>();

  add(session: ProviderSession): void {
    const leaving = this.#machines.get(session.id) ?? { sessions: new Set(), holder: undefined };
    this.#machines.set(session.id, leaving);
    leaving.sessions.add(session);
  }

  /** @returns whether it was one of these */
  ended(session: ProviderSession): boolean {
    const leaving = this.#machines.get(session.id);
    const known = leaving?.sessions.delete(session) === true;
    if (leaving?.sessions.size === 0) this.#machines.delete(session.id);
    return known;
  }

  /** Another session of the machine has ended. It goes on counting the load of these. */
  leftBy(session: ProviderSession): void {
    const leaving = this.#machines.get(session.id);
    if (leaving !== undefined) leaving.holder = session;
  }

  /**
   * @param connected the machine's connection until now
   * @returns the session whose load the machine's next one takes over; `undefined` = there is no such load
   */
  heldBy(id: ProviderId, connected: ProviderSession | undefined): ProviderSession | undefined {
    const leaving = this.#machines.get(id);
    if (leaving !== undefined) return connected ?? leaving.holder;
    return connected?.sentAway === true ? connected : undefined;
  }

  of(id: ProviderId): readonly ProviderSession[] {
    return [...(this.#machines.get(id)?.sessions ?? [])];
  }

  *[Symbol.iterator](): IterableIterator<ProviderSession> {
    for (const { sessions } of this.#machines.values()) yield* sessions;
  }
}
