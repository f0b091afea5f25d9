import type { IncomingHttpHeaders } from "node:http";
import { describe, expect, it } from "vitest";
import { type Principal, unlimited } from "../accounts/principal.js";
import { HearthError } from "../platform/errors.js";
import type { Caller } from "../request/classify.js";
import { readCaller } from "./read-caller.js";

const ALICE: Principal = unlimited({ account: "alice", keyId: "key_1", name: "", scopes: ["inference"] });

const callerOf = (headers: IncomingHttpHeaders, principal = ALICE): Caller => readCaller(headers, principal);

function refusalOf(headers: IncomingHttpHeaders): HearthError {
  try {
    callerOf(headers);
  } catch (thrown) {
    if (thrown instanceof HearthError) return thrown;
  }
  throw new Error("it was not refused");
}

it("leaves open what no header says", () => {
  expect(callerOf({})).toEqual({
    account: "alice",
    principal: ALICE,
    allowlist: undefined,
    route: "any",
    minTrust: undefined,
    patienceMs: undefined,
    hangsUpAfterMs: undefined,
    session: undefined,
  });
});

it("routes what a key for its own machines asks to these, whatever the header says", () => {
  const own = { ...ALICE, selfRouteOnly: true };
  expect(callerOf({}, own).route).toBe("self");
  expect(callerOf({ "x-hearth-route": "prefer" }, own).route).toBe("self");
});

describe("patience", () => {
  it.each([
    ["1", 1_000],
    ["2.5", 2_500],
    ["3600", 3_600_000],
    ["0030", 30_000],
  ])("of %s s", (header, ms) => {
    expect(callerOf({ "x-hearth-timeout": header }).patienceMs).toBe(ms);
  });

  it.each(["", "0", "0.5", "3600.1", "-1", "1e3", "soon", "5, 6", "0x10", "Infinity", "5 "])(
    "of '%s' is refused by the header's name",
    (header) => {
      expect(refusalOf({ "x-hearth-timeout": header })).toMatchObject({
        code: "invalid_request",
        details: { param: "X-Hearth-Timeout" },
      });
    },
  );

  it("is apart from how long the consumer's SDK waits, of which the shortest counts", () => {
    const sdk = { "x-stainless-timeout": "600", "x-stainless-read-timeout": "0.5" };
    expect(callerOf({ "x-stainless-timeout": "600" }).hangsUpAfterMs).toBe(600_000);
    expect(callerOf({ "x-stainless-read-timeout": "600.0" }).hangsUpAfterMs).toBe(600_000);
    expect(callerOf(sdk).hangsUpAfterMs).toBe(500);
    expect(callerOf({ "x-hearth-timeout": "20", ...sdk })).toMatchObject({ patienceMs: 20_000, hangsUpAfterMs: 500 });
    expect(callerOf(sdk).patienceMs).toBeUndefined();
  });

  it.each(["", "0", "0.0", "-1", "None", "NaN", "1e400", "600, 600"])("passes over '%s' from an SDK", (header) => {
    expect(callerOf({ "x-stainless-timeout": header }).hangsUpAfterMs).toBeUndefined();
  });
});

describe("a session", () => {
  it("is what its consumer calls it", () => {
    expect(callerOf({ "x-hearth-session": "thread 7/~" }).session).toBe("thread 7/~");
    expect(callerOf({ "x-hearth-session": "x".repeat(256) }).session).toHaveLength(256);
  });

  it.each([
    ["nothing", ""],
    ["257 characters", "x".repeat(257)],
    ["a tab", "a\tb"],
    ["a letter beyond ASCII", "\u00e4"],
  ])("of %s is refused by the header's name", (_what, header) => {
    expect(refusalOf({ "x-hearth-session": header })).toMatchObject({
      code: "invalid_request",
      details: { param: "X-Hearth-Session" },
    });
  });
});
