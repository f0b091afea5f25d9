import type { Clock } from "../platform/clock.js";
import { HearthError } from "../platform/errors.js";

/** How much of request bodies may be on its way at once. What has arrived whole is no upload any more. */
export interface UploadLimits {
  /** Uploads of one account, and of all together. Small bodies are not counted. */
  readonly perAccount: number;
  readonly inAll: number;
  /** Bytes that have arrived of unfinished uploads of one account, and of all together. */
  readonly bytesPerAccount: number;
  readonly bytesInAll: number;
  /** Bytes a second that an upload must reach on average, once `graceMs` are over. */
  readonly bytesPerSecond: number;
  /** How long an upload may take before its rate counts, ms. */
  readonly graceMs: number;
}

export const DEFAULT_UPLOAD_LIMITS: UploadLimits = {
  perAccount: 32,
  inAll: 256,
  bytesPerAccount: 64 * 1024 * 1024,
  bytesInAll: 256 * 1024 * 1024,
  bytesPerSecond: 64 * 1024,
  graceMs: 15_000,
};

/** Bodies declared as no larger than this, bytes, are no uploads: they come with their head or shortly after. */
const SMALL_BODY_BYTES = 64 * 1024;

/** One body on its way. Dispose of it when the body has arrived, or when nobody waits for it any more. */
export interface Upload extends Disposable {
  /** Counts bytes that have arrived. @throws HearthError `rate_limit_exceeded` */
  arrived(bytes: number): void;
  /** Calls `fire` when the body comes too slowly, once. */
  whenSlow(fire: (error: HearthError) => void): void;
}

interface Held {
  /** Bodies on their way, small ones included: while there is one, the entry stays. */
  bodies: number;
  uploads: number;
  bytes: number;
}

/** Counts the bodies that are on their way, by account and in all. */
export class Uploads {
  readonly #limits: UploadLimits;
  readonly #clock: Clock;
  readonly #all: Held = { bodies: 0, uploads: 0, bytes: 0 };
  readonly #accounts = new Map<string, Held>();

  constructor(limits: UploadLimits, clock: Clock) {
    this.#limits = limits;
    this.#clock = clock;
  }

  /** Bytes of unfinished uploads. */
  get bytes(): number {
    return this.#all.bytes;
  }

  /** Unfinished uploads, small ones left out. */
  get size(): number {
    return this.#all.uploads;
  }

  /**
   * A body begins to arrive.
   *
   * @param declaredBytes its `Content-Length`; `undefined` when it has none
   * @throws HearthError `rate_limit_exceeded` when too many are on their way
   */
  begin(account: string, declaredBytes: number | undefined): Upload {
    const own = this.#accounts.get(account) ?? { bodies: 0, uploads: 0, bytes: 0 };
    const counts = declaredBytes === undefined || declaredBytes > SMALL_BODY_BYTES ? 1 : 0;
    const { perAccount, inAll } = this.#limits;
    if (counts === 1 && own.uploads >= perAccount) throw tooMany(`${perAccount} of this account's`);
    if (counts === 1 && this.#all.uploads >= inAll) throw tooMany(`${inAll}`);
    this.#accounts.set(account, own);
    own.bodies += 1;
    own.uploads += counts;
    this.#all.uploads += counts;
    return this.#upload(account, own, counts);
  }

  #upload(account: string, own: Held, counts: number): Upload {
    const clock = this.#clock;
    const { bytesPerAccount, bytesInAll, bytesPerSecond, graceMs } = this.#limits;
    const startedAt = clock.now();
    let bytes = 0;
    let timer: Disposable | undefined;
    let isOver = false;
    return {
      arrived: (more) => {
        if (own.bytes + more > bytesPerAccount) throw tooMuch(bytesPerAccount, "of this account's unfinished uploads");
        if (this.#all.bytes + more > bytesInAll) throw tooMuch(bytesInAll, "of unfinished uploads");
        bytes += more;
        own.bytes += more;
        this.#all.bytes += more;
      },
      whenSlow: (fire) => {
        const wait = (): void => {
          const leftMs = graceMs + (bytes / bytesPerSecond) * 1000 - (clock.now() - startedAt);
          if (leftMs > 0) timer = clock.setTimer(leftMs, wait);
          else fire(tooSlow(bytesPerSecond, graceMs));
        };
        wait();
      },
      [Symbol.dispose]: () => {
        if (isOver) return;
        isOver = true;
        timer?.[Symbol.dispose]();
        own.bytes -= bytes;
        own.uploads -= counts;
        this.#all.bytes -= bytes;
        this.#all.uploads -= counts;
        own.bodies -= 1;
        if (own.bodies === 0) this.#accounts.delete(account);
      },
    };
  }
}

function tooMany(which: string): HearthError {
  return new HearthError("rate_limit_exceeded", `${which} uploads are on their way already: let one of them end.`, {
    retryAfterSeconds: 1,
  });
}

function tooMuch(limitBytes: number, which: string): HearthError {
  const mebibytes = Math.floor(limitBytes / 2 ** 20);
  return new HearthError("rate_limit_exceeded", `${mebibytes} MiB ${which} are held already: let one of them end.`, {
    retryAfterSeconds: 1,
  });
}

function tooSlow(bytesPerSecond: number, graceMs: number): HearthError {
  const kibibytes = Math.floor(bytesPerSecond / 1024);
  return new HearthError(
    "upload_timeout",
    `The body came slower than ${kibibytes} KiB a second after its first ${Math.ceil(graceMs / 1000)} seconds.`,
  );
}
