import { type Clock, newSecret } from "@hearth/platform";
import { startAge } from "../../platform/age.js";
import { secretDigest } from "../../platform/secret-digest.js";

/** Somebody who has signed in on the page. The API key itself is not kept. */
export interface PageSession {
  readonly account: string;
  /** What every form of this session must carry. */
  readonly csrf: string;
}

/** How long somebody stays signed in, seconds: as long as a code lives. */
export const SESSION_SECONDS = 15 * 60;
const MAX_SESSIONS = 1_000;

interface Entry {
  readonly session: PageSession;
  /** How long it has been open, ms. */
  readonly age: () => number;
}

/** Who is signed in on the page, in memory, by the digest of the session's id. */
export class PageSessions {
  readonly #clock: Clock;
  readonly #entries = new Map<string, Entry>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** @returns the new session's id: 192 random bits, for the cookie */
  open(account: string): string {
    const id = newSecret("");
    this.#entries.set(secretDigest(id), { session: { account, csrf: newSecret("") }, age: startAge(this.#clock) });
    this.#forget();
    return id;
  }

  find(id: string): PageSession | undefined {
    const entry = this.#entries.get(secretDigest(id));
    return entry !== undefined && !isOver(entry) ? entry.session : undefined;
  }

  end(id: string): void {
    this.#entries.delete(secretDigest(id));
  }

  /** Those that are over, and the oldest beyond the number. All live equally long, so the oldest come first. */
  #forget(): void {
    for (const [key, entry] of this.#entries) {
      if (!isOver(entry) && this.#entries.size <= MAX_SESSIONS) return;
      this.#entries.delete(key);
    }
  }
}

const isOver = ({ age }: Entry): boolean => age() >= SESSION_SECONDS * 1000;
