import { randomBytes } from "node:crypto";
import { randomId } from "@hearth/platform";
import type { AttemptId, RequestId } from "@hearth/protocol";

/** Makes ids. Unguessable in production, countable in tests. */
export interface Ids {
  request(): RequestId;
  attempt(): AttemptId;
  /** 32 unpredictable bytes. */
  challenge(): Uint8Array;
}

/** Ids of 128 random bits. */
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
