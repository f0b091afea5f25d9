import { createHash } from "node:crypto";

/** UTF-16 units of a name that count: vendors allow 64 (OpenAI) and 256 (Anthropic). */
export const MAX_END_USER = 512;
/** 128 bits, in hex. */
const DIGITS = 32;
const DIGEST = new RegExp(`^usr_[0-9a-f]{${DIGITS}}$`);

/**
 * What is kept of who of its own users an account says that a request is for: the beginning of the SHA-256 of the
 * account's id, a line feed and the name. An account can find its users by it; nobody reads a name from it, which may be
 * an address in spite of what vendors ask for, and the same name at two accounts is not the same to whoever sees both.
 */
export function endUserDigest(account: string, name: string): string {
  const hash = createHash("sha256").update(`${account}\n`).update(name.slice(0, MAX_END_USER));
  return `usr_${hash.digest("hex").slice(0, DIGITS)}`;
}

/** Whether a text is such a digest already. */
export const isEndUserDigest = (text: string): boolean => DIGEST.test(text);
