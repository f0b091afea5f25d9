import { sealRequest } from "@hearth/e2e";
import { FakeClock } from "@hearth/platform/testing";
import { expect, it } from "vitest";
import { errorResponse } from "../../api/error-envelope.js";
import { HearthError } from "../../platform/errors.js";
import { ReplaySet } from "../../sealing/replay-set.js";
import { SealingKeys } from "../../sealing/sealing-keys.js";
import { claimEverywhere, isSealed, openEnvelope } from "./open-request.js";

const PATH = "/v1/chat/completions";
const base64url = (bytes: Uint8Array): string => Buffer.from(bytes).toString("base64url");

function sealed(keys: SealingKeys, body: string): Buffer {
  const { keyId, publicKey } = keys.current;
  const id = "0123456789abcdef";
  const sealer = sealRequest({ publicKey, binding: { requestId: id, attemptId: `POST ${PATH}` } });
  const chunks = [base64url(sealer.seal(Buffer.from(body), true))];
  const encapsulated_key = base64url(sealer.encapsulatedKey);
  return Buffer.from(JSON.stringify({ v: 1, key_id: keyId, encapsulated_key, id, chunks }));
}

function refusalOf(act: () => unknown): HearthError {
  try {
    act();
  } catch (error) {
    if (error instanceof HearthError) return error;
    throw error;
  }
  throw new Error("it was not refused");
}

it("opens a request once", () => {
  const keys = new SealingKeys("s".repeat(32), new FakeClock());
  const bytes = sealed(keys, "{}");
  expect(openEnvelope(keys, PATH, bytes).body.toString()).toBe("{}");
  expect(refusalOf(() => openEnvelope(keys, PATH, bytes)).code).toBe("sealed_replayed");
});

it("opens once what all coordinators may open, and nothing of which they cannot know that", async () => {
  const opened = { encapsulatedKey: new Uint8Array(32) };
  const claiming = (claim: () => Promise<boolean>) => claimEverywhere({ shared: { claim } }, opened);
  await claimEverywhere({ shared: undefined }, opened);
  await claiming(async () => true);
  await expect(claiming(async () => false)).rejects.toMatchObject({ code: "sealed_replayed" });
  const away = claiming(() => Promise.reject(new Error("away")));
  await expect(away).rejects.toMatchObject({ code: "sealed_unavailable" });
});

it("says of a key that has expired that it has, and which one there is now", () => {
  const clock = new FakeClock();
  const keys = new SealingKeys("s".repeat(32), clock);
  const bytes = sealed(keys, "{}");
  clock.advance(2 * 24 * 3_600_000);
  const { code, details } = refusalOf(() => openEnvelope(keys, PATH, bytes));
  expect({ code, keyId: details.keyId }).toEqual({ code: "sealed_expired", keyId: keys.current.keyId });
});

it("refuses with 503 what it could not remember", () => {
  const keys = new SealingKeys("s".repeat(32), new FakeClock());
  const full = new ReplaySet(new Uint8Array(32), 0);
  const found = keys.find(keys.current.keyId);
  if (found.type !== "usable") throw new Error("no key");
  const crowded: Pick<SealingKeys, "find" | "current"> = {
    current: keys.current,
    find: () => ({ type: "usable", key: { ...found.key, replays: full } }),
  };
  const refusal = refusalOf(() => openEnvelope(crowded, PATH, sealed(keys, "{}")));
  expect(refusal.code).toBe("sealed_unavailable");
  const { status, headers, body } = errorResponse(refusal);
  expect({ status, body }).toMatchObject({ status: 503, body: { error: { code: "sealed_unavailable" } } });
  expect(headers).toHaveProperty("Retry-After");
});

it("quotes nothing of what it was sent", () => {
  const keys = new SealingKeys("s".repeat(32), new FakeClock());
  for (const text of ["canary", '{"v":1,"key_id":"canary"}', '{"canary":"canary"}'])
    expect(refusalOf(() => openEnvelope(keys, PATH, Buffer.from(text))).message).not.toContain("canary");
});

it.each([
  ["application/hearth-sealed+json", true],
  ["APPLICATION/Hearth-Sealed+json ; charset=utf-8", true],
  ["application/json", false],
  ["application/hearth-sealed+json-not", false],
  [undefined, false],
])("takes the content type %s as sealed: %s", (type, expected) => {
  expect(isSealed(type)).toBe(expected);
});

it.each([
  ["members", `{"key_id":"k",${Array.from({ length: 300 }, (_, i) => `"a${i}":null`).join(",")}}`],
  ["entries", `{"chunks":[${Array(10_000).fill('"a"').join(",")}]}`],
  ["levels", `{"a":${"[".repeat(100)}${"]".repeat(100)}}`],
])("builds nothing from an envelope with too many %s", (_name, text) => {
  const keys = new SealingKeys("s".repeat(32), new FakeClock());
  const refusal = refusalOf(() => openEnvelope(keys, PATH, Buffer.from(text)));
  expect(refusal.code).toBe("sealed_malformed");
  // A schema would name the member that is wrong: it never saw this one.
  expect(refusal.message).toBe("The sealed body is not JSON, or has too much in it.");
});
