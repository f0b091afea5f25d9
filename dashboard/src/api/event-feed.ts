import { ApiError, type ApiErrorKind } from "./errors.js";
import { eventsOf } from "./events.js";
import { send } from "./request.js";

const FIRST_WAIT_MS = 1_000;
const MOST_WAIT_MS = 30_000;
const FOR_GOOD: ReadonlySet<ApiErrorKind> = new Set(["missing", "forbidden", "signed_out"]);

/** Something that the coordinator tells as it happens. It listens while somebody looks, and again where it was cut off. */
export abstract class EventFeed<S extends object> {
  readonly #path: string;
  #state: S;
  #listening: AbortController | undefined;
  readonly #watchers = new Set<() => void>();

  constructor(path: string, nothingYet: S) {
    this.#path = path;
    this.#state = nothingYet;
  }

  readonly snapshot = (): S => this.#state;

  readonly subscribe = (watcher: () => void): (() => void) => {
    this.#watchers.add(watcher);
    if (this.#listening === undefined) {
      this.#listening = new AbortController();
      void this.#listen(this.#listening.signal);
    }
    return () => {
      this.#watchers.delete(watcher);
      if (this.#watchers.size > 0) return;
      this.#listening?.abort();
      this.#listening = undefined;
      this.left();
    };
  };

  protected abstract take(event: string, data: string): void;

  /** A connection has ended. @param isForGood another one would bring nothing either */
  protected abstract lost(isForGood: boolean): void;

  /** Nobody looks any more. */
  protected left(): void {}

  protected change(change: Partial<S>): void {
    this.#state = { ...this.#state, ...change };
    for (const watcher of this.#watchers) watcher();
  }

  async #listen(signal: AbortSignal): Promise<void> {
    let waitMs = FIRST_WAIT_MS;
    while (!signal.aborted) {
      const end = await this.#hear(signal);
      if (signal.aborted) return;
      this.lost(end === "missing");
      if (end === "missing") return;
      waitMs = end === "heard" ? FIRST_WAIT_MS : Math.min(MOST_WAIT_MS, waitMs * 2);
      await pause(waitMs, signal);
    }
  }

  /** One connection, to its end. */
  async #hear(signal: AbortSignal): Promise<"heard" | "failed" | "missing"> {
    let end: "heard" | "failed" = "failed";
    try {
      for await (const { event, data } of eventsOf(await send(this.#path, { signal }))) {
        if (signal.aborted) return end;
        this.take(event, data);
        end = "heard";
      }
      return end;
    } catch (thrown) {
      return FOR_GOOD.has(ApiError.from(thrown).kind) ? "missing" : end;
    }
  }
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms);
    signal.addEventListener("abort", () => {
      clearTimeout(timer);
      resolve();
    });
  });
}
