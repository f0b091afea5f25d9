import { type CoordinatorFrame, type DataFrame, LIMITS, type RequestFrame } from "@hearth/protocol";
import type { OccupationHooks } from "./admission.js";
import { Job, type JobHooks, type JobOutlet, type SharedJobDeps } from "./job.js";
import { type ContextKeys, OpeningContexts } from "./opening-contexts.js";
import { UsedStreams } from "./used-streams.js";

/** Control frames that concern streams. */
export type StreamFrame = Extract<
  CoordinatorFrame,
  { readonly type: "sealing_context" | "request" | "cancel" | "credit" }
>;

export interface JobTableDeps extends SharedJobDeps {
  readonly keys: ContextKeys;
  readonly outlet: JobOutlet;
  readonly hooks: JobTableHooks;
}

/** What every connection's jobs ask of the rest of the agent. */
export interface JobsHooks extends Pick<JobHooks, "needsStringTypes">, OccupationHooks {
  /**
   * Whether a model is served now: a request for one that is gone is refused untouched, where many backends would
   * answer with another model. Absent = the backend decides.
   */
  serves?(model: string): boolean;
  /** Whether the owner allows requests now; while not, one that crosses on the wire is refused. Absent = always. */
  available?(): boolean;
}

export interface JobTableHooks extends JobsHooks {
  /** The last job has ended, and the last receipt is out. */
  settled(): void;
}

const NOTHING_SPENT = { prompt_tokens: 0, completion_tokens: 0 };

/** The jobs of one connection, by stream. */
export class JobTable {
  readonly #deps: JobTableDeps;
  readonly #jobs = new Map<number, Job>();
  readonly #used = new UsedStreams();
  readonly #contexts: OpeningContexts;
  #state: "serving" | "refusing" | "closed" = "serving";
  /** Jobs that are over but for their receipt. */
  #unsigned = 0;

  constructor(deps: JobTableDeps) {
    this.#deps = deps;
    this.#contexts = new OpeningContexts(deps.keys);
  }

  get size(): number {
    return this.#jobs.size;
  }

  /** No job runs, and every receipt is sent. */
  get settled(): boolean {
    return this.#jobs.size === 0 && this.#unsigned === 0;
  }

  /** Nothing more comes. */
  get closed(): boolean {
    return this.#state === "closed";
  }

  /** How many run or wait for their turn. */
  count(model: string): number {
    let count = 0;
    for (const job of this.#jobs.values()) if (job.model === model) count += 1;
    return count;
  }

  /** From now on new requests are answered with `capacity`, untouched: another machine may take them. */
  refuse(): void {
    if (this.#state === "serving") this.#state = "refusing";
  }

  /** @returns whether the protocol allows the frame */
  control(frame: StreamFrame): boolean {
    switch (frame.type) {
      case "sealing_context":
        return this.#contexts.add(frame);
      case "request":
        return this.#request(frame);
      case "cancel":
        this.#jobs.get(frame.stream)?.cancel(frame.reason);
        return true;
      case "credit":
        this.#jobs.get(frame.stream)?.grant(frame.bytes);
        return true;
    }
  }

  /** Takes a part of a request's body. @returns whether the protocol allows it */
  data(frame: DataFrame): boolean {
    if (frame.kind !== "request") return false;
    return this.#jobs.get(frame.stream)?.body(frame) ?? this.#used.has(frame.stream);
  }

  /** A key may have been retired: what was set up to it is erased. */
  keysChanged(): void {
    this.#contexts.keysChanged();
  }

  /** The connection is gone. */
  abandon(): void {
    this.#state = "closed";
    this.#contexts[Symbol.dispose]();
    for (const job of [...this.#jobs.values()]) job.abandon();
  }

  #request(frame: RequestFrame): boolean {
    if (this.#jobs.size >= LIMITS.streamsPerConnection || !this.#used.add(frame.stream)) return false;
    const { hooks } = this.#deps;
    const available = hooks.available?.() ?? true;
    if (this.#state !== "serving" || !available) this.#refuse(frame.stream, "capacity");
    else if (hooks.serves?.(frame.model) === false) this.#refuse(frame.stream, "model_not_found");
    // Its context is gone: the coordinator makes another one.
    else if (!this.#start(frame)) this.#refuse(frame.stream, "decryption_failed");
    return true;
  }

  /** Nothing was spent. Its body may follow all the same. */
  #refuse(stream: number, code: "capacity" | "model_not_found" | "decryption_failed"): void {
    this.#deps.outlet.send({ type: "error", stream, code, progress: "not_started", usage: NOTHING_SPENT });
  }

  #start(frame: RequestFrame): boolean {
    const opener = this.#contexts.openerOf(frame);
    if (opener === undefined) return false;
    const ended = (): void => this.#ended(frame.stream);
    const hooks = { ...this.#deps.hooks, ended, afterwards: this.#afterwards };
    this.#jobs.set(frame.stream, new Job(frame, { ...this.#deps, opener, hooks }));
    return true;
  }

  #ended(stream: number): void {
    if (this.#jobs.delete(stream) && this.settled) this.#deps.hooks.settled();
  }

  readonly #afterwards = (work: Promise<void>): void => {
    this.#unsigned += 1;
    void work.then(() => {
      this.#unsigned -= 1;
      if (this.settled) this.#deps.hooks.settled();
    });
  };
}
