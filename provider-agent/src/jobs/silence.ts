import type { Clock } from "@hearth/platform";
import { Watchdog } from "../platform/watchdog.js";
import { STALL_MS } from "./body-reader.js";
import { FIRST_BYTE_MS } from "./call-backend.js";

export interface SilenceHooks {
  /** The backend is given up: abort what waits for it. Called once. */
  stalled(): void;
}

/**
 * Decides when a backend that streams events is given up: nothing of the answer for `FIRST_BYTE_MS` before its first
 * content, or for `STALL_MS` after that. Movement of this request restarts the time; movement that cannot be tied to it
 * restarts it once, until the request itself moves again.
 */
export class Silence implements Disposable {
  readonly #clock: Clock;
  readonly #hooks: SilenceHooks;
  #watchdog: Watchdog;
  #begun = false;
  #isExtended = false;
  #resting = false;

  constructor(clock: Clock, hooks: SilenceHooks) {
    this.#clock = clock;
    this.#hooks = hooks;
    this.#watchdog = new Watchdog(clock, FIRST_BYTE_MS, () => hooks.stalled());
  }

  /** Content is here. */
  content(): void {
    if (!this.#begun) {
      this.#begun = true;
      this.#watchdog[Symbol.dispose]();
      this.#watchdog = new Watchdog(this.#clock, STALL_MS, () => this.#hooks.stalled());
    }
    this.moved();
  }

  /** Something that belongs to this request has moved. */
  moved(): void {
    this.#isExtended = false;
    this.#restart();
  }

  /** Something has moved that may be another request's, or that says nothing, like a comment. */
  stirred(): void {
    if (this.#isExtended) return;
    this.#isExtended = true;
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
