/** Markup that is safe to send: whatever was put into it has been escaped. */
export interface Html {
  readonly markup: string;
}

type Piece = string | Html | readonly Html[] | undefined;

const ESCAPES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

/** Template tag: escapes every text that is put in, in content and in quoted attributes; nothing for `undefined`. */
export function html(strings: TemplateStringsArray, ...pieces: readonly Piece[]): Html {
  return { markup: strings.map((text, n) => (n === 0 ? "" : markupOf(pieces[n - 1])) + text).join("") };
}

/** For text in content and in quoted attributes. */
export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (char) => ESCAPES[char] as string);
}

function markupOf(piece: Piece): string {
  if (piece === undefined) return "";
  if (typeof piece === "string") return escapeHtml(piece);
  return "markup" in piece ? piece.markup : piece.map(({ markup }) => markup).join("");
}
