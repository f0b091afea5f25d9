import { describe, expect, it } from "vitest";
import { chunk, DONE, USAGE_EVENT } from "../testing/scripted-backend.js";
import { EventScan } from "./event-scan.js";
import { usageInBody } from "./token-usage.js";

function scan(...events: readonly string[]): EventScan {
  const result = new EventScan();
  for (const event of events) result.read(Buffer.from(event));
  return result;
}

describe("reading events", () => {
  it("knows content from a role, an empty delta and a comment", () => {
    expect(scan(chunk({ role: "assistant", content: "" }), ": ping\n\n", chunk({ content: null })).sawContent).toBe(
      false,
    );
    for (const delta of [{ content: "x" }, { reasoning_content: "x" }, { tool_calls: [{ index: 0 }] }]) {
      expect(scan(chunk(delta)).sawContent).toBe(true);
    }
    expect(scan('data: {"choices":[{"index":0,"text":"x"}]}\n\n').sawContent).toBe(true);
  });

  it("takes the end mark only as an event of its own", () => {
    expect(scan(chunk({ content: "data: [DONE]" })).done).toBe(false);
    expect(scan(DONE).done).toBe(true);
    expect(scan("data: [DONE]\r\n\r\n").done).toBe(true);
  });

  it("takes the backend's counts, and counts events where it has none", () => {
    expect(scan(chunk({ content: "a" }), USAGE_EVENT).usage).toEqual({
      prompt_tokens: 7,
      completion_tokens: 3,
      cached_tokens: 2,
    });
    expect(scan(chunk({ content: "a" }), chunk({ content: "b" })).usage).toEqual({
      prompt_tokens: 0,
      completion_tokens: 2,
    });
  });

  it("is not misled by what a model writes, nor by what is no JSON or no count", () => {
    const events = [
      chunk({ content: '"usage":{"prompt_tokens":1000}' }),
      "data: {broken\n\n",
      "data: null\n\n",
      'data: {"usage":{"prompt_tokens":-1}}\n\n',
      'data: {"usage":null,"choices":[null]}\n\n',
    ];
    expect(scan(...events).usage.prompt_tokens).toBe(0);
  });
});

describe("the usage in an embeddings body", () => {
  it("is found before and behind the vectors", () => {
    const usage = '"usage" : {"prompt_tokens": 5, "prompt_tokens_details": {"cached_tokens": 1}, "total_tokens": 5}';
    const data = `"data":[${"0.123456,".repeat(100_000)}0]`;
    for (const body of [`{${usage},${data}}`, `{${data},${usage}}`]) {
      expect(usageInBody(Buffer.from(body))).toEqual({ prompt_tokens: 5, completion_tokens: 0, cached_tokens: 1 });
    }
    expect(usageInBody(Buffer.from(`{${data}}`))).toBeUndefined();
  });
});
