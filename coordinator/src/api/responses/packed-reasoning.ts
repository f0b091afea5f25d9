const PREFIX = "hearth1.";

/**
 * What `encrypted_content` holds: the model's thoughts, packed so that clients carry them to the next request, as they
 * do with what they cannot read. It hides nothing, because the consumer sees the thoughts anyway.
 */
export function packReasoning(text: string): string {
  return PREFIX + Buffer.from(text, "utf8").toString("base64url");
}

/** The thoughts that `packReasoning` packed; nothing for what somebody else has encrypted. */
export function unpackReasoning(packed: string | null | undefined): string {
  if (!packed?.startsWith(PREFIX)) return "";
  return Buffer.from(packed.slice(PREFIX.length), "base64url").toString("utf8");
}
