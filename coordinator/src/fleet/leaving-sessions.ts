import type { ProviderId } from "@hearth/protocol";
import type { ProviderSession } from "./provider-session.js";

interface Leaving {
  readonly sessions: Set<ProviderSession>;
  /** Of the machine's later connections the one that ended last: it counts what the others run, until the next is here. */
  holder: ProviderSession | undefined;
}

/** Sessions that were sent away, and whose machines are connected anew or will be: they finish what runs. */
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

  /** Another connection of the machine has ended: what these run is still counted by it. */
  leftBy(session: ProviderSession): void {
    const leaving = this.#machines.get(session.id);
    if (leaving !== undefined) leaving.holder = session;
  }

  /**
   * @param connected the machine's connection until now
   * @returns whose load the machine's next connection takes on; `undefined` = nothing runs that it would not know of
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
