const MAX_CHARS = 160;
/** Whatever would move a terminal's cursor or hide text. */
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]+/gu;

/** What a server says went wrong, in one short printable line. It has seen nothing but words of our own choosing. */
export function errorText(error: unknown): string {
  const message = typeof error === "object" && error !== null && "message" in error ? error.message : error;
  const text = typeof message === "string" ? message.replace(UNPRINTABLE, " ").trim() : "";
  if (text === "") return "an error without a message";
  return text.length <= MAX_CHARS ? text : `${text.slice(0, MAX_CHARS - 1)}…`;
}
