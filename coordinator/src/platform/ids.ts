import { randomBytes, randomFillSync } from "node:crypto";
import type { AttemptId, RequestId } from "@hearth/protocol";

/** Makes ids. Unguessable in production, countable in tests. */
export interface Ids {
  request(): RequestId;
  attempt(): AttemptId;
  /** 32 bytes that nobody can have seen before. */
  challenge(): Uint8Array;
}

// One system call fills ids for 256 requests; each id is 16 of these bytes, used once.
const pool = Buffer.allocUnsafe(4096);
let used = pool.length;

function randomId(prefix: string): string {
  if (used === pool.length) {
    randomFillSync(pool);
    used = 0;
  }
  const start = used;
  used += 16;
  return prefix + pool.toString("base64url", start, used);
}

/** 128 random bits an id. */
export const systemIds: Ids = {
  request: () => randomId("req_") as RequestId,
  attempt: () => randomId("att_") as AttemptId,
  challenge: () => randomBytes(32),
};

/** `req_1`, `att_1`, `att_2`, … */
export function countingIds(): Ids {
  let requests = 0;
  let attempts = 0;
  let challenges = 0;
  return {
    request: () => `req_${++requests}` as RequestId,
    attempt: () => `att_${++attempts}` as AttemptId,
    challenge: () => new Uint8Array(32).fill(++challenges),
  };
}

/** A secret of 192 random bits, with a prefix that tells people and scanners what it is. */
export function newSecret(prefix: string): string {
  return prefix + randomBytes(24).toString("base64url");
}
