import { expect, it } from "vitest";
import { answerHeaders } from "../request/answer-headers.js";
import { fakeRecord, fakeSent } from "../testing/request-fakes.js";
import { EXPOSED_HEADERS } from "./cors.js";

it("lets a page read every header that tells of an answer", () => {
  const link = { id: "p", trust: "none", hardware: { chip: "M4" }, agentVersion: "1.0.0", proven: {} };
  const winner = fakeSent({ link, attempt: { startedAt: 0 }, times: { routeMs: 0, encryptMs: 0, dispatchMs: 0 } });
  const { record } = fakeRecord();
  expect(EXPOSED_HEADERS).toEqual(expect.arrayContaining(Object.keys(answerHeaders(record, winner, 0))));
});
