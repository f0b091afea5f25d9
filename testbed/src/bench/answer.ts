import { StringDecoder } from "node:string_decoder";

/** What a complete answer to a request is. */
export interface Expectation {
  readonly stream: boolean;
  /** The exact text, where it is known. */
  readonly text?: string;
}

/** Reads one answer and judges it, so that a broken server cannot look fast. */
export interface Answer {
  head(status: number, contentType: string): void;
  body(bytes: Buffer): void;
  /** @returns what is wrong with the answer, or `undefined` for a complete one */
  end(): string | undefined;
}

/**
 * @param onContent called with every piece of text, as it arrives
 */
export function readAnswer(expectation: Expectation, onContent: (text: string) => void): Answer {
  return expectation.stream ? new StreamAnswer(expectation, onContent) : new WholeAnswer(expectation, onContent);
}

interface Choice {
  readonly delta?: { readonly content?: string | null };
  readonly message?: { readonly content?: string | null };
  readonly finish_reason?: string | null;
}

interface Parsed {
  readonly error?: unknown;
  readonly choices?: readonly Choice[];
}

/** What every answer must be, whichever way it came. */
class Verdict {
  readonly #expected: string | undefined;
  #problem: string | undefined;
  #text = "";
  #finishes = 0;

  constructor(expectation: Expectation) {
    this.#expected = expectation.text;
  }

  /** The first problem is the one that tells. */
  fail(problem: string): void {
    this.#problem ??= problem;
  }

  add(choice: Choice | undefined): string {
    const text = choice?.delta?.content ?? choice?.message?.content ?? "";
    if (text !== "" && this.#finishes > 0) this.fail("content after the finish");
    this.#text += text;
    if (typeof choice?.finish_reason === "string") this.#finishes += 1;
    return text;
  }

  end(): string | undefined {
    if (this.#text === "") this.fail("empty text");
    if (this.#finishes !== 1) this.fail(`${this.#finishes} finish reasons`);
    if (this.#expected !== undefined && this.#text !== this.#expected) this.fail("another text");
    return this.#problem;
  }
}

function checkHead(verdict: Verdict, head: { status: number; contentType: string }, wanted: string): void {
  if (head.status !== 200) verdict.fail(`status ${head.status}`);
  else if (head.contentType !== wanted) verdict.fail(`content type ${head.contentType}`);
}

class StreamAnswer implements Answer {
  readonly #verdict: Verdict;
  readonly #onContent: (text: string) => void;
  readonly #decoder = new StringDecoder("utf8");
  #rest = "";
  #done = 0;

  constructor(expectation: Expectation, onContent: (text: string) => void) {
    this.#verdict = new Verdict(expectation);
    this.#onContent = onContent;
  }

  head(status: number, contentType: string): void {
    checkHead(this.#verdict, { status, contentType }, "text/event-stream");
  }

  body(bytes: Buffer): void {
    this.#rest += this.#decoder.write(bytes);
    let from = 0;
    for (let to = this.#rest.indexOf("\n\n"); to >= 0; to = this.#rest.indexOf("\n\n", from)) {
      this.#event(this.#rest.slice(from, to));
      from = to + 2;
    }
    this.#rest = this.#rest.slice(from);
  }

  end(): string | undefined {
    if (this.#rest !== "") this.#verdict.fail("ends within an event");
    if (this.#done !== 1) this.#verdict.fail(`${this.#done} [DONE]`);
    return this.#verdict.end();
  }

  #event(event: string): void {
    if (event.startsWith(":")) return;
    if (!event.startsWith("data: ")) return this.#verdict.fail("an event without data");
    if (event === "data: [DONE]") {
      this.#done += 1;
      return;
    }
    if (this.#done > 0) this.#verdict.fail("an event after [DONE]");
    const chunk = parse(event.slice("data: ".length));
    if (chunk === undefined) return this.#verdict.fail("an event that is not JSON");
    if (chunk.error !== undefined) this.#verdict.fail("an error event");
    const text = this.#verdict.add(chunk.choices?.[0]);
    if (text !== "") this.#onContent(text);
  }
}

class WholeAnswer implements Answer {
  readonly #verdict: Verdict;
  readonly #onContent: (text: string) => void;
  readonly #parts: Buffer[] = [];

  constructor(expectation: Expectation, onContent: (text: string) => void) {
    this.#verdict = new Verdict(expectation);
    this.#onContent = onContent;
  }

  head(status: number, contentType: string): void {
    checkHead(this.#verdict, { status, contentType }, "application/json");
  }

  body(bytes: Buffer): void {
    this.#parts.push(bytes);
  }

  end(): string | undefined {
    const answer = parse(Buffer.concat(this.#parts).toString());
    if (answer === undefined) this.#verdict.fail("not JSON");
    else if (answer.error !== undefined) this.#verdict.fail("an error body");
    const text = this.#verdict.add(answer?.choices?.[0]);
    if (text !== "") this.#onContent(text);
    return this.#verdict.end();
  }
}

function parse(text: string): Parsed | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
}
