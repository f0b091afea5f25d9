import { createHash } from "node:crypto";
import type { Clock } from "@hearth/platform";
import { HearthError } from "../../platform/errors.js";
import type { Metrics } from "../../platform/metrics.js";
import type { Consumer } from "../../request/consumer.js";
import type { Ending } from "../../request/relay.js";
import type { Presence } from "../presence.js";
import { replay } from "./kept-answer.js";
import type { Execution, KeptAnswers, KeyedRequest } from "./kept-answers.js";
import { RecordingConsumer } from "./recording-consumer.js";

export interface Once {
  readonly kept: KeptAnswers;
  readonly clock: Clock;
  readonly metrics: Pick<Metrics, "answersReplayed">;
  readonly request: KeyedRequest;
  readonly consumer: Consumer;
  readonly presence: Presence;
  /** How long it waits for another one to end, ms. */
  readonly patienceMs: number;
  /** Its answer may be kept: it did not come sealed. */
  readonly keeps: boolean;
}

/**
 * Serves a request with an `Idempotency-Key` (draft-ietf-httpapi-idempotency-key-header): executes it, or waits for
 * another execution of it, or tells what that one told. What may go otherwise the next time is not kept.
 *
 * @throws HearthError what the execution throws; `idempotency_key_reused`, `answer_not_kept`, `request_in_progress`
 */
export async function serveOnce(once: Once, execute: (consumer: Consumer) => Promise<Ending>): Promise<void> {
  const { kept, request, consumer, metrics } = once;
  for (;;) {
    const begun = kept.begin(request);
    switch (begun.type) {
      case "first":
        return await first(once, begun.execution, execute);
      case "running":
        await another(once, begun.execution);
        break;
      case "kept":
        metrics.answersReplayed.inc();
        return replay(begun.answer, consumer);
    }
  }
}

async function first(
  { kept, consumer, presence, keeps }: Once,
  execution: Execution,
  execute: (consumer: Consumer) => Promise<Ending>,
): Promise<void> {
  const { answerBytes, lingerMs } = kept.settings;
  const recorder = new RecordingConsumer(consumer, answerBytes);
  let result: Ending = "cancelled";
  presence.linger(lingerMs, () => execution.waiters > 0);
  try {
    result = await execute(recorder);
  } finally {
    const answer = recorder.answer(result);
    execution.settle(answer === "too_large" || (answer !== undefined && !keeps) ? "not_kept" : answer);
  }
}

/** Waits until another execution has ended. */
async function another({ clock, presence, patienceMs }: Once, execution: Pick<Execution, "ended" | "awaited">) {
  using _awaited = execution.awaited();
  const { signal } = presence;
  await new Promise<void>((resolve, reject) => {
    const settle = (act: () => void) => (): void => {
      timer[Symbol.dispose]();
      signal.removeEventListener("abort", onGone);
      act();
    };
    const onGone = settle(() => reject(gone(signal)));
    const timer = clock.setTimer(
      patienceMs,
      settle(() => reject(inProgress())),
    );
    signal.addEventListener("abort", onGone);
    if (signal.aborted) onGone();
    void execution.ended.then(settle(resolve));
  });
}

function gone({ reason }: AbortSignal): HearthError {
  if (reason !== "shutdown") return new HearthError("cancelled", "The consumer is gone.");
  return new HearthError("shutting_down", "The coordinator is restarting.", { retryAfterSeconds: 2 });
}

function inProgress(): HearthError {
  return new HearthError("request_in_progress", "The request with this Idempotency-Key is still running.", {
    retryAfterSeconds: 2,
    param: "Idempotency-Key",
  });
}

/** What an `Idempotency-Key` may be. */
export const IDEMPOTENCY_KEY_PATTERN = "^[ -~]{1,255}$";
const KEY: RegExp = new RegExp(IDEMPOTENCY_KEY_PATTERN);

/**
 * A request's `Idempotency-Key`; `undefined` where it has none.
 *
 * @throws HearthError `invalid_request`
 */
export function idempotencyKeyOf(header: string | string[] | undefined): string | undefined {
  if (header === undefined) return undefined;
  if (typeof header === "string" && KEY.test(header)) return header;
  throw new HearthError("invalid_request", "Idempotency-Key must be 1 to 255 printable ASCII characters.", {
    param: "Idempotency-Key",
  });
}

/** Names a body; nothing of it can be read from that. */
export function fingerprintOf(body: Uint8Array): string {
  return createHash("sha256").update(body).digest("base64url");
}
