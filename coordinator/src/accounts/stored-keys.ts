import { BoundedMap, type Clock } from "@hearth/platform";
import type { AccountStore, FoundKey } from "../store/account-store.js";
import { endOf, principalOf } from "./principal.js";
import { EXPIRED, type Resolution, SUSPENDED, UNAVAILABLE, UNKNOWN } from "./resolution.js";
import type { AccountSettings } from "./settings.js";

export interface StoredKeysDeps {
  readonly clock: Clock;
  readonly store: Pick<AccountStore, "findKeyByDigest">;
  /** Read at each use. */
  readonly settings: () => AccountSettings;
}

/** What the store said of a secret. Times without `Wall` are the coordinator's clock's. */
interface Entry {
  readonly resolution: Resolution;
  /** The secret ends by itself then, wall-clock ms. */
  readonly endsAtWallMs: number | undefined;
  readonly askedAt: number;
  /** From then on it is looked at again while it is still believed, so that a key in use is never waited for. */
  refreshAt: number;
  believedUntil: number;
}

/** A look at the store that is on its way; `late` = nobody waits for it any more. */
interface Asking {
  readonly answer: Promise<Resolution>;
  late: boolean;
}

/** How soon a store that did not answer is asked again for a key that is served meanwhile, ms. */
const AGAIN_MS = 1_000;

/**
 * The keys of the store, remembered for a moment. What is remembered is bounded on either side, the unknown secrets apart:
 * however many are made up, they push out no good key.
 */
export class StoredKeys {
  readonly #deps: StoredKeysDeps;
  readonly #found: BoundedMap<string, Entry>;
  /** Digest → until when. */
  readonly #unknown: BoundedMap<string, number>;
  readonly #asking = new Map<string, Asking>();

  constructor(deps: StoredKeysDeps) {
    this.#deps = deps;
    this.#found = new BoundedMap(() => deps.settings().keys);
    this.#unknown = new BoundedMap(() => deps.settings().unknownKeys);
  }

  /** Whom the secret with this digest stands for. Never rejects. */
  resolve(digest: string): Resolution | Promise<Resolution> {
    const now = this.#deps.clock.now();
    const entry = this.#found.get(digest);
    if (entry !== undefined && now < entry.believedUntil) {
      if (now >= entry.refreshAt) void this.#ask(digest);
      return this.#asOfNow(entry);
    }
    const unknownUntil = this.#unknown.get(digest);
    if (unknownUntil !== undefined && now < unknownUntil) return UNKNOWN;
    return this.#ask(digest);
  }

  /** These have changed: whoever comes from now on gets what the store says then. */
  forget(...digests: readonly (string | undefined)[]): void {
    for (const digest of digests) {
      if (digest === undefined) continue;
      this.#found.delete(digest);
      this.#unknown.delete(digest);
      this.#asking.delete(digest);
    }
  }

  /** Any of them may have changed. */
  forgetAll(): void {
    const all = [...this.#found.entries()].map(([digest]) => digest);
    this.forget(...all, ...this.#asking.keys());
  }

  #asOfNow({ resolution, endsAtWallMs }: Entry): Resolution {
    return endsAtWallMs !== undefined && this.#deps.clock.wallTime() >= endsAtWallMs ? EXPIRED : resolution;
  }

  #ask(digest: string): Resolution | Promise<Resolution> {
    const asked = this.#asking.get(digest);
    if (asked !== undefined) return asked.late ? this.#withoutStore(digest) : asked.answer;
    const { clock, settings, store } = this.#deps;
    if (this.#asking.size >= settings().lookups) return this.#withoutStore(digest);
    const askedAt = clock.now();
    const isCurrent = (): boolean => this.#asking.get(digest) === asking;
    const answer = store.findKeyByDigest(digest).then(
      (found) => this.#keep(digest, found, askedAt, isCurrent()),
      () => this.#withoutStore(digest),
    );
    const asking: Asking = { answer: this.#inTime(answer, () => this.#late(digest, asking)), late: false };
    this.#asking.set(digest, asking);
    // Not before the store has answered: what it has not got round to is not asked of it again and again.
    void answer.then(() => isCurrent() && this.#asking.delete(digest));
    return asking.answer;
  }

  #late(digest: string, asking: Asking): Resolution {
    asking.late = true;
    return this.#withoutStore(digest);
  }

  /** @param isCurrent false = it was forgotten meanwhile, and what the store said may be of before */
  #keep(digest: string, found: FoundKey | undefined, askedAt: number, isCurrent: boolean): Resolution {
    const { cachedMs, unknownMs } = this.#deps.settings();
    const entry = entryOf(digest, found, askedAt, cachedMs);
    if (entry === undefined) {
      if (isCurrent) {
        this.#found.delete(digest);
        this.#unknown.set(digest, askedAt + unknownMs);
      }
      return UNKNOWN;
    }
    if (isCurrent) this.#found.set(digest, entry);
    return this.#asOfNow(entry);
  }

  /** What was known is served for a while; what was not is nobody's to refuse. */
  #withoutStore(digest: string): Resolution {
    const entry = this.#found.get(digest);
    const now = this.#deps.clock.now();
    if (entry === undefined) return UNAVAILABLE;
    const until = entry.askedAt + this.#deps.settings().graceMs;
    if (now >= until && now >= entry.believedUntil) return UNAVAILABLE;
    entry.refreshAt = now + AGAIN_MS;
    entry.believedUntil = Math.max(entry.believedUntil, Math.min(until, now + AGAIN_MS));
    return this.#asOfNow(entry);
  }

  #inTime(answer: Promise<Resolution>, otherwise: () => Resolution): Promise<Resolution> {
    const { clock, settings } = this.#deps;
    return new Promise((resolve) => {
      const timer = clock.setTimer(settings().lookupMs, () => resolve(otherwise()));
      void answer.then((resolution) => {
        timer[Symbol.dispose]();
        resolve(resolution);
      });
    });
  }
}

function entryOf(digest: string, found: FoundKey | undefined, askedAt: number, cachedMs: number): Entry | undefined {
  if (found === undefined || found.key.revokedAtMs !== undefined) return undefined;
  const { key, account, parent } = found;
  const isSuspended = account.suspendedAtMs !== undefined || parent?.suspendedAtMs !== undefined;
  return {
    resolution: isSuspended ? SUSPENDED : { type: "known", principal: principalOf(found) },
    endsAtWallMs: endOf(key, digest),
    askedAt,
    refreshAt: askedAt + cachedMs / 2,
    believedUntil: askedAt + cachedMs,
  };
}
