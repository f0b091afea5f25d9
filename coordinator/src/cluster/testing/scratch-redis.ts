import { Redis } from "ioredis";

/** Where a Redis for tests answers: one, or several nodes of a Redis Cluster with commas between them. */
const TEST_REDIS_URLS: readonly string[] = (process.env["HEARTH_TEST_REDIS_URL"] ?? "redis://127.0.0.1:6379").split(
  ",",
);
export const TEST_REDIS_URL: string = TEST_REDIS_URLS[0] ?? "";

const connect = (url = TEST_REDIS_URL): Redis => {
  const redis = new Redis(url, { lazyConnect: true, connectTimeout: 2_000, retryStrategy: () => null });
  redis.on("error", () => {});
  return redis;
};

/**
 * Whether there is a Redis to test with; says so where there is none.
 *
 * @throws where there has to be one (`HEARTH_REQUIRE_REDIS=1`)
 */
export async function hasRedis(): Promise<boolean> {
  const redis = connect();
  try {
    await redis.connect();
    return true;
  } catch (cause) {
    const what = "no Redis at HEARTH_TEST_REDIS_URL or 127.0.0.1:6379";
    if (process.env["HEARTH_REQUIRE_REDIS"] === "1") throw new Error(what, { cause });
    process.stderr.write(`NOTICE: ${what}: the tests that need one are skipped\n`);
    return false;
  } finally {
    redis.disconnect();
  }
}

let prefixes = 0;

/** Keys that nobody else uses, and that are gone afterwards. */
export interface ScratchRedis {
  readonly redis: readonly string[];
  readonly prefix: string;
  /** Those of them that are like this. */
  keys(pattern: string): Promise<readonly string[]>;
  /** Loses them. */
  forget(pattern: string): Promise<void>;
  clear(): Promise<void>;
}

export function scratchRedis(): ScratchRedis {
  const prefix = `hearth-test-${process.pid}-${prefixes++}:`;
  let opened: Promise<readonly Redis[]> | undefined;
  const open = (): Promise<readonly Redis[]> => {
    opened ??= Promise.all(
      TEST_REDIS_URLS.map(async (url) => {
        const redis = connect(url);
        await redis.connect();
        return redis;
      }),
    );
    return opened;
  };
  const keys = async (pattern: string): Promise<readonly string[]> =>
    (await Promise.all((await open()).map((redis) => redis.keys(`${prefix}${pattern}`)))).flat();
  const forget = async (pattern: string): Promise<void> => {
    // One by one, because each may be on another node.
    for (const redis of await open()) {
      for (const key of await redis.keys(`${prefix}${pattern}`)) await redis.del(key);
    }
  };
  return {
    ...{ redis: TEST_REDIS_URLS, prefix, keys, forget },
    async clear() {
      await forget("*");
      for (const redis of await open()) redis.disconnect();
      opened = undefined;
    },
  };
}
