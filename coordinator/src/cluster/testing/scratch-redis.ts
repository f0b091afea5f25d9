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
  /** Those of them that are like this. */
  keys(pattern: string): Promise<readonly string[]>;
  /** Loses them. */
  forget(pattern: string): Promise<void>;
  clear(): Promise<void>;
}

export function scratchRedis(): ScratchRedis {
  const prefix = `hearth-test-${process.pid}-${prefixes++}:`;
  let opened: Promise<Redis> | undefined;
  const open = async (): Promise<Redis> => {
    const redis = connect();
    await redis.connect();
    return redis;
  };
  const keys = async (pattern: string): Promise<readonly string[]> => {
    opened ??= open();
    return (await opened).keys(`${prefix}${pattern}`);
  };
  const forget = async (pattern: string): Promise<void> => {
    const found = await keys(pattern);
    if (found.length > 0) await (await opened)?.del([...found]);
  };
  return {
    ...{ redis: [TEST_REDIS_URL], prefix, keys, forget },
    async clear() {
      await forget("*");
      (await opened)?.disconnect();
      opened = undefined;
    },
  };
}
