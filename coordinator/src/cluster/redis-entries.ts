import type { Clock } from "@hearth/platform";
import type { Logger } from "../platform/logger.js";
import type { EntryListener, SharedCounts, SharedEntries } from "../platform/shared-entries.js";
import { isSameMac, macOf } from "./cluster-keys.js";
import type { RedisConnections } from "./redis.js";
import type { RedisKeys } from "./redis-keys.js";

const TAG_LENGTH = 43;

export interface RedisEntriesDeps {
  readonly redis: Pick<RedisConnections, "commands">;
  readonly keys: RedisKeys;
  readonly newsKey: Uint8Array;
  readonly clock: Clock;
  readonly log: Logger;
  /** Tells the other nodes that something has changed. */
  readonly tell: (topic: "entries" | "counts", id: string) => void;
}

/**
 * What all nodes have in memory, with a copy in Redis for those that come later or have missed something. It carries
 * their mark: who can write to Redis alone signs nobody in.
 */
export class RedisEntries {
  readonly #deps: RedisEntriesDeps;
  readonly #listeners = new Map<string, EntryListener>();
  readonly #counters = new Map<string, (key: string) => void>();

  constructor(deps: RedisEntriesDeps) {
    this.#deps = deps;
  }

  /** @param kind what they are: each has a listener of its own */
  of(kind: string): SharedEntries {
    return {
      put: (name, value, expiresAtMs) => this.#put(kind, name, { value, expiresAtMs }),
      remove: (name) => this.#remove(kind, name),
      listen: (listener) => {
        this.#listeners.set(kind, listener);
        void this.#readAll(kind);
      },
    };
  }

  counts(kind: string): SharedCounts {
    return {
      tell: (key) => this.#deps.tell("counts", `${kind} ${key}`),
      listen: (heard) => void this.#counters.set(kind, heard),
    };
  }

  /** Another node has changed one. */
  hear(topic: "entries" | "counts", id: string): void {
    const space = id.indexOf(" ");
    const [kind, name] = [id.slice(0, space), id.slice(space + 1)];
    if (topic === "counts") this.#counters.get(kind)?.(name);
    else void this.#read(kind, name);
  }

  /** Anything may have changed. */
  readAll(): void {
    for (const kind of this.#listeners.keys()) void this.#readAll(kind);
  }

  #put(kind: string, name: string, entry: { readonly value: unknown; readonly expiresAtMs: number }): void {
    const { redis, keys } = this.#deps;
    const text = JSON.stringify(entry);
    this.#try(kind, name, redis.commands.hset(keys.entries(kind), name, this.#tagOf(kind, name, text) + text));
  }

  #remove(kind: string, name: string): void {
    const { redis, keys } = this.#deps;
    this.#try(kind, name, redis.commands.hdel(keys.entries(kind), name));
  }

  #try(kind: string, name: string, said: Promise<unknown>): void {
    const { tell, log } = this.#deps;
    said.then(
      () => tell("entries", `${kind} ${name}`),
      // It is known here all the same.
      (error: Error) => log.warn({ kind, problem: error.message }, "not shared with other nodes"),
    );
  }

  async #read(kind: string, name: string): Promise<void> {
    const { redis, keys } = this.#deps;
    const sealed = await redis.commands.hget(keys.entries(kind), name).catch(() => undefined);
    if (sealed === null) this.#listeners.get(kind)?.remove(name);
    else if (sealed !== undefined) this.#take(kind, name, sealed);
  }

  async #readAll(kind: string): Promise<void> {
    const { redis, keys } = this.#deps;
    const all = await redis.commands.hgetall(keys.entries(kind)).catch(() => ({}));
    for (const [name, sealed] of Object.entries(all)) this.#take(kind, name, sealed);
  }

  #take(kind: string, name: string, sealed: string): void {
    const { redis, keys, clock, log } = this.#deps;
    const entry = this.#open(kind, name, sealed);
    if (entry === undefined) return log.warn({ kind }, "what redis has of other nodes is not believed");
    if (entry.expiresAtMs > clock.wallTime()) {
      this.#listeners.get(kind)?.put(name, entry.value, entry.expiresAtMs);
    } else void redis.commands.hdel(keys.entries(kind), name).catch(() => {});
  }

  #open(
    kind: string,
    name: string,
    sealed: string,
  ): { readonly value: unknown; readonly expiresAtMs: number } | undefined {
    const text = sealed.slice(TAG_LENGTH);
    if (!isSameMac(sealed.slice(0, TAG_LENGTH), this.#tagOf(kind, name, text))) return undefined;
    return JSON.parse(text) as { readonly value: unknown; readonly expiresAtMs: number };
  }

  #tagOf(kind: string, name: string, text: string): string {
    return macOf(this.#deps.newsKey, ["entry", kind, name, text]);
  }
}
