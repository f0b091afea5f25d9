import { type Clock, repeat } from "@hearth/platform";
import { z } from "zod";
import type { Logger } from "../platform/logger.js";
import { isSameMac, macOf } from "./cluster-keys.js";
import type { RedisConnections } from "./redis.js";
import type { RedisKeys } from "./redis-keys.js";

/** How often the count is compared, and how often all is read anew while Redis is away, ms. */
const LOOK_MS = 2_000;
const AWAY_MS = 5_000;

/** What all nodes remember of what is in the store, or in nobody's. */
const TOPICS = ["machine_tokens", "machine_notes", "operator", "distrust", "entries", "counts"] as const;
export type NewsTopic = (typeof TOPICS)[number];

const newsSchema = z.object({
  topic: z.enum(TOPICS),
  id: z.string().max(256),
  from: z.string(),
  mac: z.string(),
});

export interface NewsHooks {
  /** Something has changed, elsewhere. */
  news(topic: NewsTopic, id: string): void;
  /** Anything may have. */
  missed(): void;
}

export interface SharedNewsDeps {
  readonly redis: RedisConnections;
  readonly keys: RedisKeys;
  readonly newsKey: Uint8Array;
  readonly clock: Clock;
  readonly log: Logger;
  readonly self: { readonly id: string };
  readonly isReachable: () => boolean;
  readonly hooks: NewsHooks;
}

/**
 * Tells all nodes that what they remember has changed. The news are counted: whoever has missed one, and everybody every
 * few seconds while Redis is away, reads anew what he remembers. So a word of the operator's holds everywhere within 5 s.
 */
export class SharedNews implements Disposable {
  readonly #deps: SharedNewsDeps;
  readonly #looks: readonly Disposable[];
  /** Resolves when what is told from now on is heard, or is known not to be. */
  readonly listening: Promise<void>;
  /** `undefined` = not known: it has been read anew at the start, and is compared from then on. */
  #count: number | undefined;
  #isLooking = false;

  constructor(deps: SharedNewsDeps) {
    this.#deps = deps;
    const { redis, keys, clock, isReachable, hooks } = deps;
    redis.subscriber.on("message", this.#onMessage);
    redis.subscriber.on("smessage", this.#onMessage);
    const { channel } = keys.news;
    const listening = redis.sharded ? redis.subscriber.ssubscribe(channel) : redis.subscriber.subscribe(channel);
    this.listening = listening.then(
      () => {},
      (error: Error) => deps.log.debug({ problem: error.message }, "not listened to the news"),
    );
    this.#looks = [
      repeat(clock, LOOK_MS, () => void this.#look()),
      repeat(clock, AWAY_MS, () => {
        if (!isReachable()) hooks.missed();
      }),
    ];
  }

  /** Something has changed, here. */
  tell(topic: NewsTopic, id: string): void {
    const { redis, keys, newsKey, self, log } = this.#deps;
    const { count, channel } = keys.news;
    const mac = macOf(newsKey, [topic, id, self.id]);
    const words = JSON.stringify({ topic, id, from: self.id, mac });
    redis.commands
      .tellNews(count, channel, words, redis.sharded ? 1 : 0)
      .catch((error: Error) => log.warn({ topic, problem: error.message }, "news not told"));
  }

  [Symbol.dispose](): void {
    const { subscriber } = this.#deps.redis;
    for (const look of this.#looks) look[Symbol.dispose]();
    subscriber.off("message", this.#onMessage);
    subscriber.off("smessage", this.#onMessage);
  }

  readonly #onMessage = (channel: string, text: string): void => {
    const { keys, newsKey, self, hooks } = this.#deps;
    if (channel !== keys.news.channel) return;
    const space = text.indexOf(" ");
    const count = Number(text.slice(0, space));
    const news = readNews(text.slice(space + 1));
    if (!Number.isSafeInteger(count) || news === undefined) return;
    const isNext = this.#count === undefined || count === this.#count + 1;
    this.#count = count;
    const { topic, id, from, mac } = news;
    if (from !== self.id && isSameMac(mac, macOf(newsKey, [topic, id, from]))) hooks.news(topic, id);
    if (!isNext) hooks.missed();
  };

  async #look(): Promise<void> {
    if (this.#isLooking) return;
    this.#isLooking = true;
    const before = this.#count;
    try {
      const count = Number((await this.#deps.redis.commands.get(this.#deps.keys.news.count)) ?? 0);
      // What comes meanwhile is not missed.
      if (before === this.#count && count !== before) {
        this.#count = count;
        this.#deps.hooks.missed();
      }
    } catch {
      // It is said elsewhere that Redis does not answer.
    } finally {
      this.#isLooking = false;
    }
  }
}

function readNews(text: string): z.infer<typeof newsSchema> | undefined {
  try {
    return newsSchema.parse(JSON.parse(text));
  } catch {
    return undefined;
  }
}
