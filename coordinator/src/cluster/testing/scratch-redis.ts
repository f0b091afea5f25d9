import { Redis } from "ioredis";

/** Where a Redis for tests answers. */
export const TEST_REDIS_URL: string = process.env["HEARTH_TEST_REDIS_URL"] ?? "redis://127.0.0.1:6379";

const connect = (): Redis => {
  const redis = new Redis(TEST_REDIS_URL, { lazyConnect: true, connectTimeout: 2_000, retryStrategy: () => null });
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
  clear(): Promise<void>;
}

export function scratchRedis(): ScratchRedis {
  const prefix = `hearth-test-${process.pid}-${prefixes++}:`;
  const clear = async (): Promise<void> => {
    const redis = connect();
    await redis.connect();
    const keys = await redis.keys(`${prefix}*`);
    if (keys.length > 0) await redis.del(keys);
    redis.disconnect();
  };
  return { redis: [TEST_REDIS_URL], prefix, clear };
}
