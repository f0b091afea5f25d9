import { type Clock, deadline } from "@hearth/platform";
import type { WorkingScope, WorkingSign } from "@hearth/protocol";

/** Whose work a server's counter counts. */
export type SignOwner =
  | { readonly type: "server" }
  | { readonly type: "model"; readonly model: string }
  /**
   * One request, the only one that is worked on, with this model where several are told apart. `hasRoom`: another one
   * would be worked on as well, so that none waits behind it.
   */
  | { readonly type: "only_request"; readonly model?: string; readonly hasRoom: boolean };

/** A counter that was read off a server. */
export interface ServerSign {
  /** What is counted: counters of another name have nothing to do with this one. */
  readonly key: string;
  readonly sign: WorkingSign;
  readonly counter: number;
  readonly of: SignOwner;
}

/** A counter that moved while a request waited. */
export interface MovedSign {
  readonly sign: WorkingSign;
  readonly counter: number;
  /** By how much. */
  readonly by: number;
  readonly scope: WorkingScope;
}

/** A request that is with a backend. */
export interface WatchedRequest {
  readonly model: string;
  /** Since when it has been waiting for something of its answer, by the clock; `undefined` while it is not. */
  waitingSince(): number | undefined;
  /** Something of its answer has come: the server works on it. */
  begun(): boolean;
  moved(sign: MovedSign): void;
}

export interface SignWatchSettings {
  /**
   * How long a request waits before its server is asked, ms: far below the coordinator's shortest estimate (10 s), and
   * longer than is usual between two tokens.
   */
  readonly quietMs: number;
  /** How often it is asked then, ms: no more is told to the coordinator (`LIMITS.workingIntervalMs`). */
  readonly everyMs: number;
  /** How long an answer may take, ms: llama-server gives it between two batches. */
  readonly timeoutMs: number;
}

export const DEFAULT_SIGN_WATCH: SignWatchSettings = { quietMs: 2_000, everyMs: 1_000, timeoutMs: 5_000 };

export interface SignWatchDeps {
  readonly clock: Clock;
  /** Asks the server for its counters. @param models of the requests that wait */
  readonly read: (models: readonly string[], signal: AbortSignal) => Promise<readonly ServerSign[]>;
  readonly settings?: SignWatchSettings;
}

/**
 * Asks one server what moves while requests wait for it, however many they are, one question at a time, and tells each
 * of them what has moved since the question before.
 */
export class SignWatch {
  readonly #deps: SignWatchDeps;
  readonly #settings: SignWatchSettings;
  readonly #requests = new Set<WatchedRequest>();
  /** Counters as of the question before; `undefined` when that was not just now. */
  #before: ReadonlyMap<string, number> | undefined;
  #timer: Disposable | undefined;
  #asking: AbortController | undefined;

  constructor(deps: SignWatchDeps) {
    this.#deps = deps;
    this.#settings = deps.settings ?? DEFAULT_SIGN_WATCH;
  }

  /** Watches for one request until what is returned is disposed of. */
  watch(request: WatchedRequest): Disposable {
    this.#requests.add(request);
    this.#timer ??= this.#arm();
    return {
      [Symbol.dispose]: () => {
        this.#requests.delete(request);
        if (this.#requests.size === 0) this.#stop();
      },
    };
  }

  #arm(): Disposable {
    return this.#deps.clock.setTimer(this.#settings.everyMs, () => {
      this.#timer = this.#arm();
      const waiting = this.#waiting();
      if (waiting.length === 0) this.#before = undefined;
      else if (this.#asking === undefined) void this.#ask(waiting.map(({ model }) => model));
    });
  }

  #stop(): void {
    this.#timer?.[Symbol.dispose]();
    this.#timer = undefined;
    this.#asking?.abort();
    this.#before = undefined;
  }

  #waiting(): readonly WatchedRequest[] {
    const quietAt = this.#deps.clock.now() - this.#settings.quietMs;
    return [...this.#requests].filter((request) => (request.waitingSince() ?? Number.POSITIVE_INFINITY) <= quietAt);
  }

  /** Never rejects. */
  async #ask(models: readonly string[]): Promise<void> {
    const asking = new AbortController();
    this.#asking = asking;
    using limit = deadline(this.#deps.clock, this.#settings.timeoutMs, asking.signal);
    try {
      const signs = await this.#deps.read([...new Set(models)], limit.signal);
      if (!asking.signal.aborted) this.#tell(signs);
    } catch {
      // It does not tell now: nothing is said.
    } finally {
      if (this.#asking === asking) this.#asking = undefined;
    }
  }

  #tell(signs: readonly ServerSign[]): void {
    const before = this.#before;
    this.#before = new Map(signs.map(({ key, counter }) => [key, counter]));
    const waiting = this.#waiting();
    for (const { key, sign, counter, of } of signs) {
      const by = counter - (before?.get(key) ?? counter);
      if (by <= 0) continue;
      for (const request of waiting) request.moved({ sign, counter, by, scope: this.#scopeFor(request, of) });
    }
  }

  #scopeFor(request: WatchedRequest, of: SignOwner): WorkingScope {
    switch (of.type) {
      case "server":
        return "server";
      case "model":
        return of.model === request.model ? "request" : "server";
      case "only_request":
        return this.#isThe(request, of) ? "request" : "server";
    }
  }

  /** Certain only where no other request of ours can be meant, and none of anybody's can stand before this one. */
  #isThe(request: WatchedRequest, { model, hasRoom }: Extract<SignOwner, { type: "only_request" }>): boolean {
    const candidates = [...this.#requests].filter((each) => model === undefined || each.model === model);
    const begun = candidates.filter((each) => each.begun());
    if (begun.length > 0) return begun.length === 1 && begun[0] === request;
    return hasRoom && candidates.length === 1 && candidates[0] === request;
  }
}
