import { hasMoved, type PromptProgress } from "@hearth/dialects";
import type { Clock } from "@hearth/platform";
import { DEFAULT_SIGN_WATCH, type MovedSign } from "../backends/sign-watch.js";
import { type SignHooks, SignsOfLife } from "./signs-of-life.js";
import { Silence, type SilenceHooks } from "./silence.js";

export interface LivenessHooks extends SignHooks, SilenceHooks {}

/** Whether the backend is still at work on one request: which signs of it go out, and when the backend is given up. */
export class Liveness implements Disposable {
  readonly #clock: Clock;
  readonly #signs: SignsOfLife;
  readonly #hooks: LivenessHooks;
  #silence: Silence | undefined;
  /** When the backend was called, or the last content came. */
  #quietSince: number;
  #answering = false;
  #processed = -1;
  #stirs = 0;
  /** Tokens written that came as content, and that the backend was seen to write and held back. */
  #written = 0;
  #heldBack = 0;

  constructor(clock: Clock, hooks: LivenessHooks) {
    this.#clock = clock;
    this.#hooks = hooks;
    this.#signs = new SignsOfLife(clock, hooks);
    this.#quietSince = clock.now();
  }

  /** The request waits here for its turn. */
  queued(ahead: number): void {
    this.#signs.saw("queued", ahead);
  }

  /** The request goes to the backend. @returns the watch on its silence, which ends with `Symbol.dispose` */
  called(): Silence {
    this.#quietSince = this.#clock.now();
    this.#silence = new Silence(this.#clock, this.#hooks);
    return this.#silence;
  }

  /** The backend has answered that it is loading, so many times by now. */
  loading(answers: number): void {
    this.#silence?.moved();
    this.#signs.saw("loading", answers);
  }

  /** The backend says how far it is with the prompt. */
  progress(progress: PromptProgress): void {
    if (progress.processed === this.#processed) return this.stirred();
    this.#processed = progress.processed;
    this.#silence?.moved();
    if (hasMoved(progress)) this.#signs.saw("prefilling", progress.processed);
  }

  /** Something has come that holds nothing of the answer and counts nothing. */
  stirred(): void {
    this.#stirs += 1;
    this.#silence?.stirred();
    if (!this.#isQuiet) return;
    this.#signs.saw(this.#answering ? "generating" : "prefilling", this.#stirs, "server");
  }

  /** Content has come: so many events of it by now. @param unseen it is part of an answer that is sent as a whole */
  content(events: number, unseen: boolean): void {
    this.#answering = true;
    this.#quietSince = this.#clock.now();
    this.#written = events;
    this.#silence?.content();
    if (unseen && events > 0) this.#generating();
  }

  /** A counter of the backend's has moved while nothing of the answer came. */
  moved({ sign, counter, by, scope }: MovedSign): void {
    if (scope === "server") {
      this.#silence?.stirred();
      return this.#signs.saw(sign, counter, scope);
    }
    this.#silence?.moved();
    if (sign === "generating") {
      this.#heldBack += by;
      this.#generating();
    } else if (sign !== "prefilling" || !this.#countsItself) this.#signs.saw(sign, counter);
  }

  /** Since when nothing of the answer has come; `undefined` while it is not the backend that is waited for. */
  get waitingSince(): number | undefined {
    return this.#silence?.isListening === true ? this.#quietSince : undefined;
  }

  [Symbol.dispose](): void {
    this.#silence?.[Symbol.dispose]();
  }

  /** Before that, nothing but the request's own counters is told. */
  get #isQuiet(): boolean {
    return this.#clock.now() - this.#quietSince >= DEFAULT_SIGN_WATCH.quietMs;
  }

  /** The stream itself has said how far the prompt is. */
  get #countsItself(): boolean {
    return this.#processed >= 0;
  }

  #generating(): void {
    this.#signs.saw("generating", this.#written + this.#heldBack);
  }
}
