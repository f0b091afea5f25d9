/** What a `ResponseReader` finds, in this order; `body` any number of times. */
export interface ResponseEvents {
  head(status: number, contentType: string): void;
  body(bytes: Buffer): void;
  end(): void;
}

type State =
  | { readonly name: "head" }
  | { readonly name: "length"; readonly remaining: number }
  | { readonly name: "chunk_size" }
  | { readonly name: "chunk"; readonly remaining: number }
  | { readonly name: "chunk_end" }
  | { readonly name: "trailer" };

const NOTHING = Buffer.alloc(0);
const CRLF = "\r\n";

/**
 * Reads the HTTP/1.1 responses of one kept-alive connection, one after another. A client of a few dozen lines costs
 * the loader's core a third of what node:http's does, which leaves more of it to what is measured.
 */
export class ResponseReader {
  readonly #events: ResponseEvents;
  #state: State = { name: "head" };
  #rest: Buffer = NOTHING;

  constructor(events: ResponseEvents) {
    this.#events = events;
  }

  /** A response has begun and not ended. */
  get midway(): boolean {
    return this.#state.name !== "head" || this.#rest.length > 0;
  }

  /** @throws Error for anything that is no HTTP/1.1 response with a length or chunked body */
  push(bytes: Buffer): void {
    this.#rest = this.#rest.length === 0 ? bytes : Buffer.concat([this.#rest, bytes]);
    while (this.#advance());
  }

  /** Takes one element from what has arrived; false when it has not arrived whole. */
  #advance(): boolean {
    const state = this.#state;
    switch (state.name) {
      case "head":
        return this.#readHead();
      case "length":
        return this.#readData(state.remaining, "length");
      case "chunk":
        return this.#readData(state.remaining, "chunk");
      case "chunk_size":
        return this.#readLine((line) => {
          if (!/^[0-9a-f]+$/i.test(line)) throw new Error("no chunk size");
          const size = Number.parseInt(line, 16);
          this.#state = size === 0 ? { name: "trailer" } : { name: "chunk", remaining: size };
        });
      case "chunk_end":
        return this.#readLine((line) => {
          if (line !== "") throw new Error("chunk longer than its size");
          this.#state = { name: "chunk_size" };
        });
      case "trailer":
        return this.#readLine((line) => {
          if (line === "") this.#end();
        });
    }
  }

  #readHead(): boolean {
    const end = this.#rest.indexOf("\r\n\r\n");
    if (end < 0) return false;
    const head = this.#rest.toString("latin1", 0, end).toLowerCase();
    this.#rest = this.#rest.subarray(end + 4);
    const status = /^http\/1\.1 (\d{3})/.exec(head)?.[1];
    if (status === undefined) throw new Error("no HTTP/1.1 status line");
    this.#events.head(Number(status), /\r\ncontent-type: *([^\r;]*)/.exec(head)?.[1] ?? "");
    const length = /\r\ncontent-length: *(\d+)/.exec(head)?.[1];
    if (/\r\ntransfer-encoding: *chunked/.test(head)) this.#state = { name: "chunk_size" };
    else if (length === undefined) throw new Error("a body without a length");
    else if (length === "0") this.#end();
    else this.#state = { name: "length", remaining: Number(length) };
    return true;
  }

  #readData(remaining: number, name: "length" | "chunk"): boolean {
    if (this.#rest.length === 0) return false;
    const taken = this.#rest.subarray(0, remaining);
    this.#rest = this.#rest.subarray(taken.length);
    this.#events.body(taken);
    if (taken.length < remaining) this.#state = { name, remaining: remaining - taken.length };
    else if (name === "length") this.#end();
    else this.#state = { name: "chunk_end" };
    return true;
  }

  #readLine(take: (line: string) => void): boolean {
    const end = this.#rest.indexOf(CRLF);
    if (end < 0) return false;
    const line = this.#rest.toString("latin1", 0, end);
    this.#rest = this.#rest.subarray(end + CRLF.length);
    take(line);
    return true;
  }

  #end(): void {
    this.#state = { name: "head" };
    this.#events.end();
  }
}
