import { type Clock, newSecret } from "@hearth/platform";
import { startAge } from "../platform/age.js";
import { secretDigest } from "../platform/secret-digest.js";
import type { SharedEntries } from "../platform/shared-entries.js";

export interface SessionLimits {
  /** How long each lasts, ms: also that of somebody who is there all the time. */
  readonly lastsMs: number;
  /** Sessions at once; the oldest goes first. */
  readonly most: number;
}

interface Entry<T> {
  readonly session: T;
  /** When it is over, wall-clock ms. */
  readonly expiresAtMs: number;
  readonly isOver: () => boolean;
}

/** What somebody got who signed in. */
export interface OpenedSession {
  /** 192 random bits, for the cookie. Only its digest is kept. */
  readonly id: string;
  /** Wall-clock ms. */
  readonly expiresAtMs: number;
}

/** Where other coordinators have the same sessions. */
export interface SharedSessions<T> {
  readonly entries: SharedEntries;
  /** @returns `undefined` for what stands for nobody */
  readonly read: (value: unknown) => T | undefined;
}

/** Who is signed in on a page, in memory: a restart of all coordinators ends them all. */
export class Sessions<T> {
  readonly #clock: Clock;
  readonly #limits: () => SessionLimits;
  readonly #prefix: string;
  readonly #entries = new Map<string, Entry<T>>();
  readonly #shared: SharedSessions<T> | undefined;

  /** @param prefix what ids begin with */
  constructor(clock: Clock, limits: () => SessionLimits, prefix = "", shared?: SharedSessions<T>) {
    this.#clock = clock;
    this.#limits = limits;
    this.#prefix = prefix;
    this.#shared = shared;
    shared?.entries.listen({
      put: (digest, value, expiresAtMs) => {
        const session = shared.read(value);
        if (session !== undefined) this.#keep(digest, session, expiresAtMs);
      },
      remove: (digest) => void this.#entries.delete(digest),
    });
  }

  open(session: T): OpenedSession {
    const id = newSecret(this.#prefix);
    const digest = secretDigest(id);
    const expiresAtMs = this.#clock.wallTime() + this.#limits().lastsMs;
    this.#keep(digest, session, expiresAtMs);
    this.#shared?.entries.put(digest, session, expiresAtMs);
    return { id, expiresAtMs };
  }

  find(id: string): T | undefined {
    return this.#entryOf(id)?.session;
  }

  /** Wall-clock ms; `undefined` where it is over. */
  endOf(id: string): number | undefined {
    return this.#entryOf(id)?.expiresAtMs;
  }

  /** @returns what it was, where it was not over */
  end(id: string): T | undefined {
    const session = this.find(id);
    this.#entries.delete(secretDigest(id));
    if (session !== undefined) this.#shared?.entries.remove(secretDigest(id));
    return session;
  }

  #keep(digest: string, session: T, expiresAtMs: number): void {
    const age = startAge(this.#clock);
    const lastsMs = expiresAtMs - this.#clock.wallTime();
    this.#entries.set(digest, { session, expiresAtMs, isOver: () => age() >= lastsMs });
    this.#forget(this.#limits().most);
  }

  #entryOf(id: string): Entry<T> | undefined {
    const entry = this.#entries.get(secretDigest(id));
    return entry === undefined || entry.isOver() ? undefined : entry;
  }

  /** Those that are over, and the oldest beyond the number. */
  #forget(most: number): void {
    for (const [digest, entry] of this.#entries) {
      if (!entry.isOver() && this.#entries.size <= most) return;
      this.#entries.delete(digest);
    }
  }
}
