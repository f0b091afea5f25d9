import { createHash } from "node:crypto";
import type { RedisConnections } from "./redis.js";
import type { RedisKeys } from "./redis-keys.js";

/** A key opens requests on its day, and on the one after: what was opened is remembered for longer, ms. */
const REMEMBERED_MS = 3 * 24 * 3_600_000;

/** What has been used up by any node, for as long as it may come again. */
export class RedisReplays {
  readonly #redis: Pick<RedisConnections, "commands">;
  readonly #keys: RedisKeys;

  constructor(redis: Pick<RedisConnections, "commands">, keys: RedisKeys) {
    this.#redis = redis;
    this.#keys = keys;
  }

  /** @returns whether it was not there before. @throws when Redis does not answer */
  async claim(encapsulatedKey: Uint8Array): Promise<boolean> {
    const id = createHash("sha256").update(encapsulatedKey).digest("base64url");
    return (await this.#redis.commands.set(this.#keys.used("sealed", id), "", "PX", REMEMBERED_MS, "NX")) === "OK";
  }
}
