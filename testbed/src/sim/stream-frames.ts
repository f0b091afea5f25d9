import type { RequestOpener } from "@hearth/e2e";
import { DATA_HEADER_BYTES, DATA_MARKS, writeDataHeader } from "@hearth/protocol";
import type { DeliveredEvent } from "./journal.js";

/** The events of one attempt, and the sealed frames that bring them. */
export class StreamFrames {
  readonly stream: number;
  /** The last that was sealed. */
  last: Uint8Array | undefined;
  readonly #opener: RequestOpener;
  readonly #attempt: string;
  #eventsMade = 0;

  constructor(stream: number, attempt: string, opener: RequestOpener) {
    this.stream = stream;
    this.#attempt = attempt;
    this.#opener = opener;
  }

  /** One event with this delta; content is never the same twice. */
  event(delta: object, content: boolean, padding = "", finish: string | null = null): DeliveredEvent {
    const choice = { index: 0, delta, finish_reason: finish };
    const chunk = { id: this.#attempt, created: this.#eventsMade++, choices: [choice], ...(padding && { padding }) };
    const text = `data: ${JSON.stringify(chunk)}\n\n`;
    return content ? { text, content } : { text, content, meaning: JSON.stringify([delta, padding]) };
  }

  /** @returns `undefined` behind the final frame, where nothing can be sealed any more */
  seal(text: string, final: boolean): Uint8Array | undefined {
    const { response } = this.#opener;
    const seq = response.nextSeq;
    try {
      const sealed = response.seal(Buffer.from(text), final, DATA_HEADER_BYTES, DATA_MARKS.content);
      writeDataHeader(sealed, { kind: "response", stream: this.stream, seq, final, holds: "content" });
      this.last = sealed;
      return sealed;
    } catch {
      return undefined;
    }
  }
}
