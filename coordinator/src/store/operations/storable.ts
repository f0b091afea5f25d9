/**
 * A value as both engines keep it. PostgreSQL has no NUL in a text, and neither engine a lone surrogate, which both
 * make U+FFFD of: NUL becomes the same.
 *
 * @throws RangeError for a number or bigint that is no safe integer: the columns hold nothing else
 */
export function storable(value: unknown): unknown {
  if (typeof value === "string") return value.includes("\0") ? value.replaceAll("\0", "\ufffd") : value;
  // Within that range a number is as exact, and what is read comes as one.
  if (typeof value === "bigint") return storable(Number(value));
  if (typeof value === "number" && !Number.isSafeInteger(value)) throw new RangeError("The store keeps whole numbers.");
  return value;
}
