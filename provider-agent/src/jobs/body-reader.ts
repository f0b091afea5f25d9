import { withoutByteOrderMark } from "@hearth/dialects";
import type { Clock } from "@hearth/platform";
import { Watchdog } from "../platform/watchdog.js";

/** A backend that has begun and then says nothing for this long while it is listened to is stalled, ms. */
export const STALL_MS = 45_000;
/** How long the end of a body may take behind the end of the answer, ms. */
const LINGER_MS = 1_000;
/** What a body begins with is known by then, bytes. */
const PEEK_BYTES = 64;
/** Chunks of nothing but blanks that a body may begin with. */
const MAX_BLANK_CHUNKS = 64;

/** Told when the backend is listened to and when it is not. */
export interface Heeded {
  listen(): void;
  rest(): void;
}

export interface BodyReaderHooks {
  /** The backend has been silent for `STALL_MS`: abort the pending read. Called once. */
  stalled(): void;
  /** The first chunk, or the end, is here. Called once, but not after `leaveTo`. */
  begun?(): void;
}

/**
 * Reads a backend's answer chunk by chunk, with a watch on silence between them. The caller watches how long the first
 * may take; time between two reads does not count.
 */
export class BodyReader implements Disposable {
  readonly #chunks: AsyncIterator<Uint8Array>;
  readonly #clock: Clock;
  readonly #hooks: BodyReaderHooks;
  #watchdog: Watchdog | undefined;
  #heeded: Heeded | undefined;
  /** Read ahead. */
  readonly #ahead: Uint8Array[] = [];

  constructor(body: AsyncIterable<Uint8Array>, clock: Clock, hooks: BodyReaderHooks) {
    this.#chunks = body[Symbol.asyncIterator]();
    this.#clock = clock;
    this.#hooks = hooks;
  }

  /**
   * Hands the watch on silence over to `heeded`: for a stream of events bytes alone (comments, a role) are no answer.
   * Call it before the first read.
   */
  leaveTo(heeded: Heeded): void {
    this.#heeded = heeded;
  }

  /** @returns `undefined` at the end. @throws Error when the body breaks off */
  async next(): Promise<Uint8Array | undefined> {
    return this.#ahead.shift() ?? (await this.#read());
  }

  /**
   * The beginning of the body as far as it has come, behind what is blank: at least one byte, unless there is no more.
   * Nothing of it is taken. Call it before the first `next`. @throws Error when the body breaks off
   */
  async peek(): Promise<string> {
    for (;;) {
      const chunk = await this.#read();
      if (chunk !== undefined) this.#ahead.push(chunk);
      const begun = Buffer.concat(this.#ahead).subarray(0, PEEK_BYTES);
      const text = withoutByteOrderMark(begun).toString("utf8").trimStart();
      if (text !== "" || chunk === undefined || this.#ahead.length >= MAX_BLANK_CHUNKS) return text;
    }
  }

  async #read(): Promise<Uint8Array | undefined> {
    this.#watchdog?.feed();
    this.#heeded?.listen();
    const { done, value } = await this.#chunks.next();
    this.#heeded?.rest();
    if (this.#watchdog !== undefined) this.#watchdog.pause();
    else if (this.#heeded === undefined) this.#begin();
    return done ? undefined : value;
  }

  /** Reads on until there are this many bytes or the body ends. @returns everything that was read, perhaps more */
  async readUpTo(bytes: number): Promise<Buffer> {
    const chunks: Uint8Array[] = [];
    let read = 0;
    while (read < bytes) {
      const chunk = await this.next();
      if (chunk === undefined) break;
      chunks.push(chunk);
      read += chunk.length;
    }
    return Buffer.concat(chunks);
  }

  /**
   * Reads what follows the end of the answer, so that its connection can serve again. Never rejects.
   *
   * @param giveUp called when that takes too long: abort the body
   */
  async finish(giveUp: () => void): Promise<void> {
    const lingering = this.#clock.setTimer(LINGER_MS, giveUp);
    try {
      while ((await this.next()) !== undefined);
    } catch {
      // The answer was complete before.
    } finally {
      lingering[Symbol.dispose]();
    }
  }

  #begin(): void {
    this.#watchdog = new Watchdog(this.#clock, STALL_MS, () => this.#hooks.stalled());
    this.#watchdog.pause();
    this.#hooks.begun?.();
  }

  [Symbol.dispose](): void {
    this.#watchdog?.[Symbol.dispose]();
  }
}
