import type { Clock } from "@hearth/platform";
import { Watchdog } from "../platform/watchdog.js";
import { STALL_MS } from "./body-reader.js";
import { FIRST_BYTE_MS } from "./call-backend.js";

/**
 * When a backend that streams events is given up: nothing of the answer for `FIRST_BYTE_MS` before its first content,
 * or for `STALL_MS` behind it. What moves for this request starts the time anew; what cannot be tied to it does so once,
 * until something of its own moves again.
 */
export class Silence implements Disposable {
  readonly #clock: Clock;
  readonly #stalled: () => void;
  #watchdog: Watchdog;
  #begun = false;
  #lent = false;
  #resting = false;

  /** @param stalled called once: what waits for the backend is to be aborted */
  constructor(clock: Clock, stalled: () => void) {
    this.#clock = clock;
    this.#stalled = stalled;
    this.#watchdog = new Watchdog(clock, FIRST_BYTE_MS, stalled);
  }

  /** Content is here. */
  content(): void {
    if (!this.#begun) {
      this.#begun = true;
      this.#watchdog[Symbol.dispose]();
      this.#watchdog = new Watchdog(this.#clock, STALL_MS, this.#stalled);
    }
    this.moved();
  }

  /** Something that belongs to this request has moved. */
  moved(): void {
    this.#lent = false;
    this.#restart();
  }

  /** Something has moved that may be another request's, or that says nothing, like a comment. */
  stirred(): void {
    if (this.#lent) return;
    this.#lent = true;
    this.#restart();
  }

  get isListening(): boolean {
    return !this.#resting;
  }

  /** The backend is listened to. */
  listen(): void {
    this.#resting = false;
    this.#watchdog.resume();
  }

  /** It is not, until `listen`: that time is ours, not the backend's. */
  rest(): void {
    this.#resting = true;
    this.#watchdog.pause();
  }

  [Symbol.dispose](): void {
    this.#watchdog[Symbol.dispose]();
  }

  #restart(): void {
    this.#watchdog.feed();
    if (this.#resting) this.#watchdog.pause();
  }
}
