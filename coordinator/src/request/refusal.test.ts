import { FakeClock } from "@hearth/platform/testing";
import type { RequestId } from "@hearth/protocol";
import { expect, it } from "vitest";
import { unlimited } from "../accounts/principal.js";
import { endUserDigest } from "../platform/end-user.js";
import { HearthError } from "../platform/errors.js";
import type { RequestUsage } from "../store/usage-store.js";
import type { InferenceRequest } from "./inference-request.js";
import { keepRefusal } from "./refusal.js";
import type { RequestRecord } from "./request-record.js";
import type { Progress } from "./request-watch.js";

const PRINCIPAL = {
  ...unlimited({ account: "anna", keyId: "key_1", name: "app", scopes: ["inference"] }),
  tags: { team: "web" },
};

function refused(progress: Progress): readonly (readonly [RequestUsage, string])[] {
  const clock = new FakeClock();
  const arrivedAt = clock.now();
  clock.advance(20);
  const kept: (readonly [RequestUsage, string])[] = [];
  const usage = { refused: (record: RequestUsage, reason: string) => void kept.push([record, reason]) };
  keepRefusal(
    { clock, settlement: { usage } },
    {
      ...{ id: "req_1" as RequestId, principal: PRINCIPAL, progress, arrivedAt },
      entrance: { endpoint: "/v1/messages", dialect: "messages" },
      ...{ trace: undefined, clientId: undefined },
      error: new HearthError("no_provider", "Nobody."),
    },
  );
  return kept;
}

it("is kept with who asked for what, where, and why it was refused", () => {
  const request = { model: "m", stream: true, endUser: "ann@example.com" } as InferenceRequest;
  const [[record, reason] = []] = refused({ request });
  expect(reason).toBe("no_provider");
  expect(record).toMatchObject({
    ...{ requestId: "req_1", account: "anna", keyId: "key_1", modelAsked: "m", model: "", providerId: "" },
    ...{ outcome: "refused", requests: 1, dialect: "messages", endpoint: "/v1/messages", tags: { team: "web" } },
    ...{ endUser: endUserDigest("anna", "ann@example.com"), durationMs: 20, costMicroUsd: 0 },
  });
  expect(JSON.parse(record?.facts ?? "")).toEqual({ code: "no_provider", stream: true });
});

it("is kept, too, where nobody could read what was asked", () => {
  expect(refused({})).toMatchObject([
    [{ modelAsked: "", endUser: "", facts: '{"code":"no_provider"}' }, "no_provider"],
  ]);
});

it("is not kept of a request that has a record of its own", () => {
  expect(refused({ record: {} as RequestRecord })).toEqual([]);
});
