import type { Clock } from "@hearth/platform";
import { hasMoved, type PromptProgress } from "../backends/prompt-progress.js";
import { type Sign, SignsOfLife } from "./signs-of-life.js";
import { Silence } from "./silence.js";

/**
 * A job that has heard nothing of its answer for this long waits, ms: before that nothing but its own counters is told.
 * Far below the coordinator's shortest estimate, and longer than what is usual between two tokens.
 */
export const QUIET_MS = 2_000;

export interface LivenessDeps {
  readonly clock: Clock;
  readonly tell: (sign: Sign) => void;
  /** The backend is given up: what waits for it is to be aborted. */
  readonly stalled: () => void;
}

/** Whether the backend is still at work on one request: what is told of that, and when it is given up. */
export class Liveness implements Disposable {
  readonly #clock: Clock;
  readonly #signs: SignsOfLife;
  readonly #stalled: () => void;
  #silence: Silence | undefined;
  /** When the backend was called, or the last content came. */
  #quietSince: number;
  #answering = false;
  #processed = -1;
  #stirs = 0;

  constructor({ clock, tell, stalled }: LivenessDeps) {
    this.#clock = clock;
    this.#signs = new SignsOfLife(clock, tell);
    this.#stalled = stalled;
    this.#quietSince = clock.now();
  }

  /** The request waits here for its turn. */
  queued(ahead: number): void {
    this.#signs.saw("queued", ahead);
  }

  /** The request goes to the backend. @returns the watch on its silence, which ends with `Symbol.dispose` */
  called(): Silence {
    this.#quietSince = this.#clock.now();
    this.#silence = new Silence(this.#clock, this.#stalled);
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

  /** Content has come. */
  content(): void {
    this.#answering = true;
    this.#quietSince = this.#clock.now();
    this.#silence?.content();
  }

  /** So many events of content are written of an answer that is sent as a whole. */
  written(tokens: number): void {
    this.#signs.saw("generating", tokens);
  }

  [Symbol.dispose](): void {
    this.#silence?.[Symbol.dispose]();
  }

  get #isQuiet(): boolean {
    return this.#clock.now() - this.#quietSince >= QUIET_MS;
  }
}
