import type { ProviderId } from "@hearth/protocol";
import type { Provider } from "./provider.js";
import type { ProviderSession } from "./provider-session.js";

/** Who is connected to this node. */
export class Registry {
  readonly #sessions = new Map<ProviderId, ProviderSession>();
  readonly #watchers = new Set<() => void>();

  /** Takes a session in. An older session of the same machine is closed as replaced. */
  add(session: ProviderSession): void {
    const older = this.#sessions.get(session.id);
    this.#sessions.set(session.id, session);
    older?.close("replaced");
    this.changed();
  }

  /** Forgets a session, unless a newer one has taken its place. */
  remove(session: ProviderSession): void {
    if (this.#sessions.get(session.id) === session) this.#sessions.delete(session.id);
    this.changed();
  }

  get(id: ProviderId): ProviderSession | undefined {
    return this.#sessions.get(id);
  }

  /** Every connected provider, in the order of their arrival. */
  providers(): IterableIterator<ProviderSession> {
    return this.#sessions.values();
  }

  get size(): number {
    return this.#sessions.size;
  }

  /** Calls `onChange` whenever something that selection looks at may have changed. */
  watch(onChange: () => void): Disposable {
    this.#watchers.add(onChange);
    return { [Symbol.dispose]: () => this.#watchers.delete(onChange) };
  }

  changed(): void {
    for (const watcher of this.#watchers) watcher();
  }
}

/** The ids of all models that at least one of these providers advertises, sorted. */
export function modelsOf(providers: Iterable<Provider>): string[] {
  const ids = new Set<string>();
  for (const provider of providers) for (const id of provider.models.keys()) ids.add(id);
  return [...ids].sort();
}
