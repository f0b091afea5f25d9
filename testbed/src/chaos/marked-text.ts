/** One request whose answer proves by itself whether it is whole, and whose it is. */
export interface MarkedRequest {
  readonly id: string;
  /** Pieces of the answer; each is one event of a stream. */
  readonly pieces: number;
  /** Between two pieces, ms. */
  readonly gapMs: number;
}

/** What the answer to a request holds, as far as its text tells. */
export type MarkedAnswer = "whole" | "beginning" | "foreign";

const PROMPT = /^mark (\S+) (\d+) (\d+)$/;

/** The prompt that makes a marking backend write the answer. */
export function promptOf({ id, pieces, gapMs }: MarkedRequest): string {
  return `mark ${id} ${pieces} ${gapMs}`;
}

/** @returns `undefined` for a prompt that nobody has marked */
export function readPrompt(prompt: string): MarkedRequest | undefined {
  const [, id, pieces, gapMs] = PROMPT.exec(prompt) ?? [];
  return id === undefined ? undefined : { id, pieces: Number(pieces), gapMs: Number(gapMs) };
}

/** The piece at an index: it names its request and its own place. */
export function pieceOf({ id }: MarkedRequest, index: number): string {
  return `<${id}:${index}>`;
}

/** Compares an answer with what was asked for: all of it, its beginning, or something of another's or out of order. */
export function readAnswer(asked: MarkedRequest, text: string): MarkedAnswer {
  const whole = Array.from({ length: asked.pieces }, (_, index) => pieceOf(asked, index)).join("");
  if (text === whole) return "whole";
  return whole.startsWith(text) ? "beginning" : "foreign";
}
