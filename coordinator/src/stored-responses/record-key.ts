import { hkdfSync } from "node:crypto";
import { randomText } from "@hearth/platform";
import { openSealed, sealOnce } from "../platform/one-use-key.js";

/** Random bytes in an id: as many as nobody guesses, and few enough for the 64 characters that an item's id may have. */
const SECRET_BYTES = 24;
/** How a secret looks in an id, with what tells the items of one response apart. */
const ID = /^[a-z]+_([A-Za-z0-9_-]{32})(?:_\d+)?$/;

/** Makes what a response's id, and those of its items, carry. */
export const newSecret = (): string => randomText(SECRET_BYTES);

/** What an id carries; `undefined` for an id that is not ours. */
export const secretIn = (id: string): string | undefined => ID.exec(id)?.[1];

/**
 * The place and the key of what is kept under an id. Both come from the id and from whose it is, one-way, so that the
 * index of all records opens none of them, and nobody finds another's.
 */
export class RecordKey {
  /** Where it is kept. */
  readonly index: string;
  readonly #key: Buffer;

  /** @param account of the consumer that asked */
  constructor(secret: string, account: string) {
    const derived = Buffer.from(hkdfSync("sha256", secret, account, "hearth stored response", 64));
    this.index = derived.subarray(0, 32).toString("base64url");
    this.#key = derived.subarray(32);
  }

  seal(plaintext: Uint8Array): Buffer {
    return sealOnce(this.#key, plaintext);
  }

  /** @returns `undefined` for what was not sealed under this key, or is not whole */
  open(sealed: Uint8Array): Buffer | undefined {
    return openSealed(this.#key, sealed);
  }
}
