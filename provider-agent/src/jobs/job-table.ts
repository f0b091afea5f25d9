import { type KeyLease, openRequest, type RequestOpener } from "@hearth/e2e";
import { type CoordinatorFrame, type DataFrame, LIMITS, type RequestFrame } from "@hearth/protocol";
import { Job, type JobOutlet, type SharedJobDeps } from "./job.js";
import { UsedStreams } from "./used-streams.js";

/** Control frames that concern one stream. */
export type StreamFrame = Extract<CoordinatorFrame, { readonly type: "request" | "cancel" | "credit" }>;

/** Where the keys are that requests are sealed to. */
export interface JobKeys {
  /** @returns `undefined` for a key that is not known, or no longer */
  acquire(keyId: string): KeyLease | undefined;
}

export interface JobTableDeps extends SharedJobDeps {
  readonly keys: JobKeys;
  /**
   * Whether a model is served now: a request for one that is gone is refused untouched, where many backends would
   * answer with another model. Absent = the backend decides.
   */
  readonly serves?: (model: string) => boolean;
  /** Whether the owner lends the machine now; while not, what crosses on the wire is refused. Absent = always. */
  readonly lends?: () => boolean;
  readonly outlet: JobOutlet;
  /** The last job has ended. */
  readonly idle: () => void;
}

/** The jobs of one connection, by stream. */
export class JobTable {
  readonly #deps: JobTableDeps;
  readonly #jobs = new Map<number, Job>();
  readonly #used = new UsedStreams();
  #state: "serving" | "refusing" | "closed" = "serving";

  constructor(deps: JobTableDeps) {
    this.#deps = deps;
  }

  get size(): number {
    return this.#jobs.size;
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

  /** From now on new requests are answered with `capacity`, untouched: somebody else may have them. */
  refuse(): void {
    if (this.#state === "serving") this.#state = "refusing";
  }

  /** @returns whether the protocol allows the frame */
  control(frame: StreamFrame): boolean {
    switch (frame.type) {
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

  /** The connection is gone. */
  abandon(): void {
    this.#state = "closed";
    for (const job of [...this.#jobs.values()]) job.abandon();
  }

  #request(frame: RequestFrame): boolean {
    if (this.#jobs.size >= LIMITS.streamsPerConnection || !this.#used.add(frame.stream)) return false;
    const lends = this.#deps.lends?.() ?? true;
    if (this.#state !== "serving" || !lends) this.#refuse(frame.stream, "capacity");
    else if (this.#deps.serves?.(frame.model) === false) this.#refuse(frame.stream, "model_not_found");
    // Sealed to a key that is gone: the coordinator knows the new one by now, or will.
    else if (!this.#start(frame)) this.#refuse(frame.stream, "decryption_failed");
    return true;
  }

  /** Its body may follow all the same. */
  #refuse(stream: number, code: "capacity" | "model_not_found" | "decryption_failed"): void {
    this.#deps.outlet.send({ type: "error", stream, code, progress: "not_started" });
  }

  #start(frame: RequestFrame): boolean {
    const lease = this.#deps.keys.acquire(frame.key_id);
    if (lease === undefined) return false;
    const opener = openerOf(frame, lease);
    if (opener === undefined) {
      lease[Symbol.dispose]();
      return false;
    }
    const ended = (): void => {
      lease[Symbol.dispose]();
      this.#ended(frame.stream);
    };
    this.#jobs.set(frame.stream, new Job(frame, { ...this.#deps, opener, ended }));
    return true;
  }

  #ended(stream: number): void {
    if (this.#jobs.delete(stream) && this.#jobs.size === 0) this.#deps.idle();
  }
}

function openerOf(frame: RequestFrame, { keyPair }: KeyLease): RequestOpener | undefined {
  try {
    return openRequest({
      keyPair,
      encapsulatedKey: Buffer.from(frame.encapsulated_key, "base64url"),
      binding: { requestId: frame.request_id, attemptId: frame.attempt_id },
    });
  } catch {
    return undefined;
  }
}
