/** Consonants that are hard to mistake and make no words (RFC 8628 §6.1): 8 of 20 are 34.6 bits. */
const ALPHABET = "BCDFGHJKLMNPQRSTVWXZ";
const LETTERS = 8;
const USER_CODE = new RegExp(`^[${ALPHABET}]{${LETTERS}}$`);
/** Bytes from here on would favour the first letters. */
const FAIR_BYTES = 256 - (256 % ALPHABET.length);

/**
 * A code for people to type: 8 letters.
 *
 * @param randomText random bytes as base64url, new ones with every call
 */
export function drawUserCode(randomText: () => string): string {
  let code = "";
  while (code.length < LETTERS) {
    for (const byte of Buffer.from(randomText(), "base64url")) {
      if (byte < FAIR_BYTES && code.length < LETTERS) code += ALPHABET[byte % ALPHABET.length];
    }
  }
  return code;
}

/** What somebody typed as a user code, in any case and with any punctuation; `undefined` when it cannot be one. */
export function readUserCode(typed: string): string | undefined {
  if (typed.length > 64) return undefined;
  const letters = typed.toUpperCase().replace(/[\s\p{P}]/gu, "");
  return USER_CODE.test(letters) ? letters : undefined;
}

/** As it is shown: `WDJB-MJHT`. */
export function showUserCode(code: string): string {
  return `${code.slice(0, LETTERS / 2)}-${code.slice(LETTERS / 2)}`;
}
