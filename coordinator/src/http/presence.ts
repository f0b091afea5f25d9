import type { ServerResponse } from "node:http";
import type { Clock } from "@hearth/platform";
import { whenAborted } from "../platform/when-aborted.js";

interface Lingering {
  readonly ms: number;
  readonly wanted: () => boolean;
}

/** Whether whoever has sent a request is still there for its answer. Dispose of it when the request is over. */
export class Presence implements Disposable {
  readonly #response: ServerResponse;
  readonly #shutdown: Disposable;
  readonly #clock: Clock;
  readonly #gone = new AbortController();
  /** The request was ended by its consumer, over another connection. */
  cancelled = false;
  #lingering: Lingering | undefined;
  #timer: Disposable | undefined;

  /** @param shutdown aborted when nobody may stay any longer */
  constructor(response: ServerResponse, shutdown: AbortSignal, clock: Clock) {
    this.#response = response;
    this.#clock = clock;
    response.on("close", this.#onClose);
    // Gone before its turn came: nobody will tell.
    if (response.destroyed) this.#onClose();
    this.#shutdown = whenAborted(shutdown, () => this.#gone.abort("shutdown"));
  }

  /** Aborted with `"consumer_gone"` or `"shutdown"`. */
  get signal(): AbortSignal {
    return this.#gone.signal;
  }

  /**
   * From now on a consumer who goes is taken to come back within this time, ms, and for as long as `wanted` says that
   * somebody else waits for the same.
   */
  linger(ms: number, wanted: () => boolean): void {
    if (!this.#gone.signal.aborted) this.#lingering = { ms, wanted };
  }

  cancel(): void {
    if (this.#gone.signal.aborted) return;
    this.cancelled = true;
    this.#gone.abort("consumer_gone");
  }

  [Symbol.dispose](): void {
    this.#timer?.[Symbol.dispose]();
    this.#response.off("close", this.#onClose);
    this.#shutdown[Symbol.dispose]();
  }

  readonly #onClose = (): void => {
    if (this.#lingering === undefined) this.#gone.abort("consumer_gone");
    else this.#wait(this.#lingering);
  };

  #wait(lingering: Lingering): void {
    this.#timer = this.#clock.setTimer(lingering.ms, () => {
      if (lingering.wanted()) this.#wait(lingering);
      else this.#gone.abort("consumer_gone");
    });
  }
}
