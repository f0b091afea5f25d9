import type { Clock } from "@hearth/platform";
import { HearthError } from "../platform/errors.js";

/** How much of request bodies may be on its way, and in memory while its requests run. */
export interface UploadLimits {
  /** Uploads of one account, and of all together. Small bodies are not counted. */
  readonly perAccount: number;
  readonly inAll: number;
  /** Bytes that have arrived of unfinished uploads of one account, and of all together. */
  readonly bytesPerAccount: number;
  readonly bytesInAll: number;
  /** Bytes of bodies that have arrived whole and whose requests wait or run, of one account and in all. */
  readonly heldBytesPerAccount: number;
  readonly heldBytesInAll: number;
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
  heldBytesPerAccount: 256 * 1024 * 1024,
  heldBytesInAll: 1024 * 1024 * 1024,
  bytesPerSecond: 64 * 1024,
  graceMs: 15_000,
};

/** Bodies declared as no larger than this, bytes, are no uploads: they come with their head or shortly after. */
const SMALL_BODY_BYTES = 64 * 1024;

/** One body, on its way and then with its request. Dispose of it when nobody needs the body any more. */
export interface Upload extends Disposable {
  /** Counts bytes that have arrived. @throws HearthError `rate_limit_exceeded` */
  arrived(bytes: number): void;
  /** The body has arrived whole: it is held now and no upload any more. @throws HearthError `rate_limit_exceeded` */
  arrivedWhole(): void;
  /** Calls `fire` when the body comes too slowly, once. */
  whenSlow(fire: (error: HearthError) => void): void;
}

interface Held {
  /** Bodies on their way, small ones included: while there is one, the entry stays. */
  bodies: number;
  uploads: number;
  /** Bytes of unfinished uploads. */
  bytes: number;
  /** Bytes of bodies that have arrived. */
  heldBytes: number;
}

/** Counts the bodies that are on their way or held, by account and in all. */
export class Uploads {
  readonly #limits: UploadLimits;
  readonly #clock: Clock;
  readonly #all: Held = { bodies: 0, uploads: 0, bytes: 0, heldBytes: 0 };
  readonly #accounts = new Map<string, Held>();

  constructor(limits: UploadLimits, clock: Clock) {
    this.#limits = limits;
    this.#clock = clock;
  }

  /** Bytes of unfinished uploads. */
  get bytes(): number {
    return this.#all.bytes;
  }

  /** Bytes of bodies that have arrived whole and are still needed. */
  get heldBytes(): number {
    return this.#all.heldBytes;
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
    const own = this.#accounts.get(account) ?? { bodies: 0, uploads: 0, bytes: 0, heldBytes: 0 };
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
    const { bytesPerSecond, graceMs } = this.#limits;
    const startedAt = this.#clock.now();
    let arrived = 0;
    let held = 0;
    let timer: Disposable | undefined;
    let state: "arriving" | "held" | "over" = "arriving";
    /** It is on its way no more. */
    const leave = (next: "held" | "over"): void => {
      timer?.[Symbol.dispose]();
      for (const counted of [own, this.#all]) {
        counted.uploads -= state === "arriving" ? counts : 0;
        counted.bytes -= arrived;
        counted.heldBytes -= held;
      }
      state = next;
      arrived = 0;
      held = 0;
    };
    return {
      arrived: (more) => {
        this.#requireRoom(own, more);
        arrived += more;
        for (const counted of [own, this.#all]) counted.bytes += more;
      },
      arrivedWhole: () => {
        const bytes = arrived;
        leave("held");
        this.#requireRoomToHold(own, bytes);
        held = bytes;
        for (const counted of [own, this.#all]) counted.heldBytes += bytes;
      },
      whenSlow: (fire) => {
        const wait = (): void => {
          const leftMs = graceMs + (arrived / bytesPerSecond) * 1000 - (this.#clock.now() - startedAt);
          if (leftMs > 0) timer = this.#clock.setTimer(leftMs, wait);
          else fire(tooSlow(bytesPerSecond, graceMs));
        };
        wait();
      },
      [Symbol.dispose]: () => {
        if (state === "over") return;
        leave("over");
        own.bodies -= 1;
        if (own.bodies === 0) this.#accounts.delete(account);
      },
    };
  }

  #requireRoom(own: Held, more: number): void {
    const { bytesPerAccount, bytesInAll } = this.#limits;
    if (own.bytes + more > bytesPerAccount) throw tooMuch(bytesPerAccount, "of this account's unfinished uploads");
    if (this.#all.bytes + more > bytesInAll) throw tooMuch(bytesInAll, "of unfinished uploads");
  }

  #requireRoomToHold(own: Held, more: number): void {
    const { heldBytesPerAccount, heldBytesInAll } = this.#limits;
    if (own.heldBytes + more > heldBytesPerAccount) throw tooMuch(heldBytesPerAccount, "of this account's requests");
    if (this.#all.heldBytes + more > heldBytesInAll) throw tooMuch(heldBytesInAll, "of requests");
  }
}

function tooMany(which: string): HearthError {
  return new HearthError("rate_limit_exceeded", `${which} uploads are on their way already: let one of them end.`, {
    retryAfterSeconds: 1,
  });
}

function tooMuch(limitBytes: number, which: string): HearthError {
  const mebibytes = Math.floor(limitBytes / 2 ** 20);
  return new HearthError(
    "rate_limit_exceeded",
    `${mebibytes} MiB ${which} are in memory already: let one of them end.`,
    {
      retryAfterSeconds: 1,
    },
  );
}

function tooSlow(bytesPerSecond: number, graceMs: number): HearthError {
  const kibibytes = Math.floor(bytesPerSecond / 1024);
  return new HearthError(
    "upload_timeout",
    `The body came slower than ${kibibytes} KiB a second after its first ${Math.ceil(graceMs / 1000)} seconds.`,
  );
}
