import type { ResponseOpener } from "@hearth/e2e";
import type { AttemptId, CloseReason, ProviderId } from "@hearth/protocol";
import { expect, it } from "vitest";
import { FakeClock } from "../testing/fake-clock.js";
import { ProviderAttempt } from "./attempt.js";

function setUp() {
  const violations: CloseReason[] = [];
  const opener: ResponseOpener = { open: (ciphertext) => ciphertext, finished: false };
  const attempt = new ProviderAttempt({
    id: "att" as AttemptId,
    provider: "p" as ProviderId,
    form: {
      dialect: "chat_completions",
      format: "events",
      body: new Uint8Array(),
      readEvent: (data) => ({ kind: "preamble", parsed: JSON.parse(data) }),
    },
    opener,
    receipts: undefined,
    receiptChecked() {},
    answerMaxBytes: Number.POSITIVE_INFINITY,
    clock: new FakeClock(),
    working() {},
    content() {},
    ended() {},
    violated: (reason) => violations.push(reason),
  });
  return { attempt, violations };
}

it("does not hold more events for a consumer than their bytes are worth", () => {
  const { attempt, violations } = setUp();
  attempt.data(Buffer.from("data:{}\n\n".repeat(100_000)), 0, false);
  expect(violations).toEqual(["protocol_violation"]);
});

it("tells of the load window once, however often the provider does", async () => {
  const { attempt } = setUp();
  for (let i = 0; i < 3; i++) attempt.accepted();
  attempt.data(Buffer.from("data:{}\n\n"), 0, false);
  const events = attempt[Symbol.asyncIterator]();
  expect((await events.next()).value).toEqual({ type: "accepted" });
  expect((await events.next()).value).toMatchObject({ type: "preamble" });
});
