const UNSTORABLE = /\0|\p{Surrogate}/u;
const UNSTORABLES = new RegExp(UNSTORABLE, "gu");

/**
 * A value as both engines keep it. PostgreSQL has no NUL in a text, and neither engine a lone surrogate, which both
 * make U+FFFD of: NUL becomes the same.
 *
 * @throws RangeError for a number or bigint that is no safe integer: the columns hold nothing else
 */
export function storable(value: unknown): unknown {
  if (typeof value === "string") return UNSTORABLE.test(value) ? value.replace(UNSTORABLES, "\ufffd") : value;
  // Within that range a number is as exact, and what is read comes as one.
  if (typeof value === "bigint") return storable(Number(value));
  if (typeof value === "number" && !Number.isSafeInteger(value)) throw new RangeError("The store keeps whole numbers.");
  return value;
}

/** Plain data with every value in it as the engines keep it. @throws RangeError */
export function storableData<T>(data: T): T {
  return storableDeep(data) as T;
}

function storableDeep(data: unknown): unknown {
  if (Array.isArray(data)) return data.map(storableDeep);
  if (typeof data !== "object" || data === null) return typeof data === "bigint" ? data : storable(data);
  const copy: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(data)) copy[name] = storableDeep(value);
  return copy;
}
