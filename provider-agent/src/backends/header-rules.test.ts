import { describe, expect, it } from "vitest";
import { applyHeaderRules, headerRuleProblems } from "./header-rules.js";

const HEADERS = { Accept: "application/json", "Content-Length": 2, Authorization: "Bearer k" };

describe("header rules", () => {
  it("add what is absent, replace what is there and remove what is blocked, whatever the case", () => {
    const rules = {
      set: { "x-team": "blue", ACCEPT: "text/plain" },
      replace: { "x-nothing": "1" },
      block: ["AUTHORIZATION"],
    };
    expect(applyHeaderRules(HEADERS, rules)).toEqual({
      Accept: "application/json",
      "Content-Length": 2,
      "x-team": "blue",
    });
    expect(applyHeaderRules(HEADERS, { replace: { accept: "text/event-stream" } })).toEqual({
      accept: "text/event-stream",
      "Content-Length": 2,
      Authorization: "Bearer k",
    });
    expect(applyHeaderRules(HEADERS, undefined)).toBe(HEADERS);
  });

  it("may not touch the connection, the framing or the key, and are told every problem without a value", () => {
    const problems = headerRuleProblems({
      set: { Host: "secret-a", "bad name": "secret-b", "x-a": "secret\r\nx-evil: 1" },
      block: ["content-length", "Authorization", "x-a"],
      replace: { "transfer-encoding": "chunked" },
    });
    expect(problems).toEqual([
      'set: "Host" belongs to the connection',
      'set: "bad name" is no name of an HTTP header',
      'set: "x-a" has a value that a header cannot hold',
      'block: "content-length" belongs to the connection',
      'block: "Authorization" is made from the backend\'s key',
      'block: "x-a" is in set already',
      'replace: "transfer-encoding" belongs to the connection',
    ]);
    expect(headerRuleProblems({ set: { "x-a": "1" }, block: ["user-agent"], replace: { accept: "a" } })).toEqual([]);
  });
});
