const LF = 10;
const CR = 13;

/** What stands before the next byte. */
type Before =
  | "text"
  /** A complete line end, or nothing at all. */
  | "line_end"
  /** A CR that ended a line: an LF that follows is part of it. */
  | "cr"
  /** The same behind an empty line: the event is over, with the LF that may follow. */
  | "blank_cr";

/**
 * Finds where server-sent events end, wherever the chunks of a stream happen to end: behind an empty line, which may be
 * all of an event. Lines end in LF, CRLF or CR, as the WHATWG standard has it. Linear in what it is given.
 *
 * Behind two CRs in a row an event is over at once. Should an LF follow in the next chunk, it goes to the next event,
 * where it means nothing.
 */
export class EventEnds {
  #before: Before = "line_end";

  /** The index behind each event that ends in the next bytes; 0 for one of which only now is known that it has ended. */
  next(chunk: Buffer): number[] {
    const isPlain = this.#before !== "cr" && this.#before !== "blank_cr" && !chunk.includes(CR);
    return isPlain ? this.#plainEnds(chunk) : this.#anyEnds(chunk);
  }

  /** The stream has ended. @returns whether an event has ended with it, of which that was not known before */
  finish(): boolean {
    return this.#before === "blank_cr";
  }

  /** Where every line ends in LF: nearly always. */
  #plainEnds(chunk: Buffer): number[] {
    const ends: number[] = [];
    // Where the line begins that the next LF ends; -1 where it began in an earlier chunk.
    let lineAt = this.#before === "line_end" ? 0 : -1;
    for (let lf = chunk.indexOf(LF); lf !== -1; lf = chunk[lineAt] === LF ? lineAt : chunk.indexOf(LF, lineAt)) {
      if (lf === lineAt) ends.push(lf + 1);
      lineAt = lf + 1;
    }
    if (chunk.length > 0) this.#before = lineAt === chunk.length ? "line_end" : "text";
    return ends;
  }

  #anyEnds(chunk: Buffer): number[] {
    const ends: number[] = [];
    for (let at = 0; at < chunk.length; at++) {
      const end = this.#step(chunk, at);
      if (end !== undefined) ends.push(end);
      if (this.#before === "text") at = textEnd(chunk, at + 1) - 1;
    }
    return ends;
  }

  /** Takes one byte. @returns where an event has ended, if one has */
  #step(chunk: Buffer, at: number): number | undefined {
    const before = this.#before;
    switch (chunk[at]) {
      case LF:
        this.#before = "line_end";
        return before === "line_end" || before === "blank_cr" ? at + 1 : undefined;
      case CR:
        if (before === "cr" && at + 1 === chunk.length) return at + 1;
        this.#before = before === "text" ? "cr" : "blank_cr";
        break;
      default:
        this.#before = "text";
    }
    return before === "blank_cr" ? at : undefined;
  }
}

/** The index of the next byte that may be a line end. */
function textEnd(chunk: Buffer, from: number): number {
  let at = from;
  while (at < chunk.length && (chunk[at] as number) > CR) at += 1;
  return at;
}
