import { type Clock, repeat } from "@hearth/platform";
import { digestOf } from "../../platform/digest.js";
import { HearthError } from "../../platform/errors.js";
import type { Ids } from "../../platform/ids.js";
import { type KeptAnswer, openAnswer, sealAnswer } from "./kept-answer.js";

/** How long, and how much of, answers to requests with an `Idempotency-Key` are kept. */
export interface IdempotencySettings {
  /** How long a key and its answer are kept, ms. */
  readonly keptMs: number;
  /** Keys of everybody at most. */
  readonly keys: number;
  /** Bytes of the answers of everybody at most. */
  readonly bytes: number;
  /** Bytes of one answer at most. */
  readonly answerBytes: number;
  /** How long an answer goes on being made whose consumer has gone, ms: it may come back and ask for it. */
  readonly lingerMs: number;
}

/** A day, as Stripe keeps them. A streamed token is some 200 bytes, so that an answer may have about 20,000. */
export const DEFAULT_IDEMPOTENCY: IdempotencySettings = {
  keptMs: 24 * 3_600_000,
  keys: 50_000,
  bytes: 128 * 1024 * 1024,
  answerBytes: 4 * 1024 * 1024,
  lingerMs: 30_000,
};

/** How often what is too old is looked for, ms. */
const SWEEP_MS = 60_000;

/** A request with a key. */
export interface KeyedRequest {
  readonly account: string;
  /** What names it, and what its answer is sealed with: the API key, the route, the `Idempotency-Key`. */
  readonly secrets: readonly string[];
  /** Of the body. */
  readonly fingerprint: string;
}

/** Who comes first makes the answer; whoever comes then waits for it, or gets it. */
export type Begun =
  | { readonly type: "first"; readonly execution: Execution }
  | { readonly type: "running"; readonly execution: Pick<Execution, "ended" | "awaited"> }
  | { readonly type: "kept"; readonly answer: KeptAnswer };

interface Ended {
  readonly fingerprint: string;
  readonly until: number;
  /** `undefined` = the request was served, and its answer is not here. */
  sealed: Uint8Array | undefined;
}

type Entry = Ended | Execution;

/** A request with a key, while it runs. */
export class Execution {
  readonly fingerprint: string;
  /** Resolves when it has ended, however. */
  readonly ended: Promise<void>;
  /** Others who wait for it. */
  waiters = 0;
  readonly #settle: (answer: KeptAnswer | "not_kept" | undefined) => void;
  #end: () => void = () => {};

  constructor(fingerprint: string, settle: (answer: KeptAnswer | "not_kept" | undefined) => void) {
    this.fingerprint = fingerprint;
    this.#settle = settle;
    this.ended = new Promise((resolve) => {
      this.#end = resolve;
    });
  }

  /** Somebody waits for it until they dispose of this. */
  awaited(): Disposable {
    this.waiters += 1;
    return {
      [Symbol.dispose]: () => {
        this.waiters -= 1;
      },
    };
  }

  /** @param answer `not_kept`: it was given and cannot be given again; `undefined`: whoever comes next tries anew */
  settle(answer: KeptAnswer | "not_kept" | undefined): void {
    this.#settle(answer);
    this.#end();
  }
}

interface Account {
  /** By name, those that ended longest ago first. */
  readonly entries: Map<string, Entry>;
  /** Of them, those that have ended. */
  ended: number;
  bytes: number;
}

/**
 * The answers to requests with an `Idempotency-Key`, in memory. Nothing is executed twice while its key is remembered.
 * Where memory is short, whoever has the most loses the oldest: first answers, of which the key stays, then keys.
 */
export class KeptAnswers implements Disposable {
  readonly #clock: Clock;
  readonly #ids: Pick<Ids, "challenge">;
  readonly #settings: () => IdempotencySettings;
  readonly #accounts = new Map<string, Account>();
  readonly #sweeping: Disposable;
  #keys = 0;
  #bytes = 0;

  /** @param settings read at each use */
  constructor(
    clock: Clock,
    ids: Pick<Ids, "challenge">,
    settings: () => IdempotencySettings = () => DEFAULT_IDEMPOTENCY,
  ) {
    this.#clock = clock;
    this.#ids = ids;
    this.#settings = settings;
    this.#sweeping = repeat(clock, SWEEP_MS, () => this.#sweep());
  }

  get settings(): IdempotencySettings {
    return this.#settings();
  }

  /** Bytes of sealed answers. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Keys that are remembered. */
  get size(): number {
    return this.#keys;
  }

  /**
   * @throws HearthError `idempotency_key_reused` where another body came with this key, `answer_not_kept` where the
   *   answer to the same one was given and is not here any more
   */
  begin(request: KeyedRequest): Begun {
    const { account, secrets, fingerprint } = request;
    const key = digestOf("idempotency", ...secrets);
    const known = this.#accounts.get(account)?.entries.get(key);
    if (known === undefined || this.#isOver(known)) return { type: "first", execution: this.#first(request, key) };
    if (known.fingerprint !== fingerprint) {
      throw new HearthError(
        "idempotency_key_reused",
        "This Idempotency-Key was used with another body: use a new one.",
        { param: "Idempotency-Key" },
      );
    }
    if (known instanceof Execution) return { type: "running", execution: known };
    if (known.sealed === undefined) {
      throw new HearthError(
        "answer_not_kept",
        "The request with this Idempotency-Key was answered, and its answer was not kept. It is not executed again.",
        { param: "Idempotency-Key" },
      );
    }
    return { type: "kept", answer: openAnswer(known.sealed, secrets) };
  }

  [Symbol.dispose](): void {
    this.#sweeping[Symbol.dispose]();
  }

  #first({ account: name, secrets, fingerprint }: KeyedRequest, key: string): Execution {
    const execution = new Execution(fingerprint, (answer) => {
      this.#forget(name, key);
      if (answer === undefined) return;
      const sealed = answer === "not_kept" ? undefined : sealAnswer(answer, secrets, this.#ids.challenge());
      this.#put(name, key, { fingerprint, until: this.#clock.now() + this.settings.keptMs, sealed });
      this.#makeRoom();
    });
    this.#forget(name, key);
    this.#put(name, key, execution);
    this.#makeRoom();
    return execution;
  }

  #put(name: string, key: string, entry: Entry): void {
    const account = this.#accounts.get(name) ?? { entries: new Map(), ended: 0, bytes: 0 };
    this.#accounts.set(name, account);
    account.entries.set(key, entry);
    this.#keys += 1;
    if (!(entry instanceof Execution)) account.ended += 1;
    this.#count(account, sizeOf(entry));
  }

  #forget(name: string, key: string): void {
    const account = this.#accounts.get(name);
    const entry = account?.entries.get(key);
    if (account === undefined || entry === undefined) return;
    account.entries.delete(key);
    this.#keys -= 1;
    if (!(entry instanceof Execution)) account.ended -= 1;
    this.#count(account, -sizeOf(entry));
    if (account.entries.size === 0) this.#accounts.delete(name);
  }

  #count(account: Account, bytes: number): void {
    account.bytes += bytes;
    this.#bytes += bytes;
  }

  #makeRoom(): void {
    const { keys, bytes } = this.settings;
    while (this.#bytes > bytes && this.#dropAnswer());
    while (this.#keys > keys && this.#dropKey());
  }

  /** @returns whether there was one */
  #dropAnswer(): boolean {
    const [, account] = this.#most((each) => each.bytes) ?? [];
    for (const entry of account?.entries.values() ?? []) {
      const size = sizeOf(entry);
      if (account === undefined || entry instanceof Execution || size === 0) continue;
      entry.sealed = undefined;
      this.#count(account, -size);
      return true;
    }
    return false;
  }

  /** @returns whether there was one: what runs is never forgotten */
  #dropKey(): boolean {
    const [name = "", account] = this.#most(({ ended }) => ended) ?? [];
    for (const [key, entry] of account?.entries ?? []) {
      if (entry instanceof Execution) continue;
      this.#forget(name, key);
      return true;
    }
    return false;
  }

  #most(of: (account: Account) => number): readonly [string, Account] | undefined {
    let most: readonly [string, Account] | undefined;
    for (const each of this.#accounts) if (most === undefined || of(each[1]) > of(most[1])) most = each;
    return most;
  }

  #sweep(): void {
    for (const [name, { entries }] of [...this.#accounts]) {
      for (const [key, entry] of entries) if (this.#isOver(entry)) this.#forget(name, key);
    }
  }

  #isOver(entry: Entry): boolean {
    return !(entry instanceof Execution) && entry.until <= this.#clock.now();
  }
}

const sizeOf = (entry: Entry): number => (entry instanceof Execution ? 0 : (entry.sealed?.length ?? 0));
