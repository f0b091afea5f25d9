import type { AttemptEvent } from "./types.js";

/** The events of an attempt between its provider, who sets the pace, and its consumer, who takes them one by one. */
export class EventQueue implements AsyncIterator<AttemptEvent> {
  readonly #taken: (event: AttemptEvent) => void;
  readonly #events: AttemptEvent[] = [];
  #waiting: ((result: IteratorResult<AttemptEvent>) => void) | undefined;
  #closed = false;

  /** @param taken told of each event as its consumer gets it */
  constructor(taken: (event: AttemptEvent) => void) {
    this.#taken = taken;
  }

  /** Events that nobody has taken yet. */
  get size(): number {
    return this.#events.length;
  }

  /** Of signs of life in a row the newest of each kind tells all: nobody may be reading for long. */
  push(event: AttemptEvent): void {
    if (this.#closed) return;
    if (event.type === "working") this.#forgetOlder(event);
    if (this.#waiting === undefined) this.#events.push(event);
    else this.#give(event, this.#waiting);
  }

  /** Nothing more comes. What is there already can still be taken. */
  close(): void {
    this.#closed = true;
    if (this.#events.length === 0) this.#end();
  }

  /** Nothing more comes, and nobody is to see what is there. */
  discard(): void {
    this.#closed = true;
    this.#events.length = 0;
    this.#end();
  }

  next(): Promise<IteratorResult<AttemptEvent>> {
    const event = this.#events.shift();
    if (event === undefined && this.#closed) return Promise.resolve({ done: true, value: undefined });
    return new Promise((resolve) => {
      if (event === undefined) this.#waiting = resolve;
      else this.#give(event, resolve);
    });
  }

  #give(event: AttemptEvent, resolve: (result: IteratorResult<AttemptEvent>) => void): void {
    this.#waiting = undefined;
    this.#taken(event);
    resolve({ done: false, value: event });
  }

  #end(): void {
    const waiting = this.#waiting;
    this.#waiting = undefined;
    waiting?.({ done: true, value: undefined });
  }

  #forgetOlder({ sign, scope }: Extract<AttemptEvent, { type: "working" }>): void {
    for (let at = this.#events.length - 1; at >= 0; at--) {
      const event = this.#events[at];
      if (event?.type !== "working") return;
      if (event.sign === sign && event.scope === scope) return void this.#events.splice(at, 1);
    }
  }
}
