import type { RequestId } from "@hearth/protocol";
import { describe, expect, it } from "vitest";
import { toMessagesRequest } from "./to-internal.js";

const request = (...content: readonly object[]) => {
  const messages = [
    { role: "user", content: "q" },
    { role: "assistant", content },
    { role: "user", content: "go on" },
  ];
  return toMessagesRequest(Buffer.from(JSON.stringify({ model: "m", max_tokens: 5, messages })), "req_1" as RequestId);
};

function saidIn(...content: readonly object[]): string {
  const { body } = request(...content).form({ dialects: [] }, "m");
  return (JSON.parse(Buffer.from(body).toString()) as { messages: { content: string }[] }).messages[1]?.content ?? "";
}

const text = { type: "text", text: "It rains." };
const use = { type: "server_tool_use", id: "s", name: "web_search", input: { query: "weather" } };
const resultOf = (type: string, content: unknown) => ({ type, tool_use_id: "s", content });
const found = {
  type: "web_search_result",
  title: "Weather",
  url: "https://example.com/weather",
  encrypted_content: "opaque",
  page_age: "1 day",
};

describe("what Anthropic's servers did for an earlier answer", () => {
  it("is told in short, in its place", () => {
    expect(saidIn(use, resultOf("web_search_tool_result", [found]), text)).toBe(
      '[Called web_search: {"query":"weather"}]\n[Result: Weather\nhttps://example.com/weather]\nIt rains.',
    );
  });

  it.each([
    [
      "web_search_tool_result",
      { type: "web_search_tool_result_error", error_code: "max_uses_exceeded" },
      "max_uses_exceeded",
    ],
    [
      "web_fetch_tool_result",
      {
        type: "web_fetch_result",
        url: "https://x/",
        content: { type: "document", source: { type: "text", media_type: "text/plain", data: "fetched" } },
      },
      "https://x/\nfetched",
    ],
    [
      "web_fetch_tool_result",
      {
        type: "web_fetch_result",
        url: "https://x/",
        content: { type: "document", source: { type: "base64", media_type: "application/pdf", data: "JVBERi0=" } },
      },
      "https://x/",
    ],
    [
      "bash_code_execution_tool_result",
      {
        type: "bash_code_execution_result",
        stdout: "https://printed/\n",
        stderr: "",
        return_code: 0,
        content: [{ type: "bash_code_execution_output", file_id: "file_1" }],
      },
      "https://printed/\n",
    ],
    ["tool_search_tool_result", { tool_references: [{ type: "tool_reference", tool_name: "f" }] }, "f"],
    ["mcp_tool_result", [{ type: "text", text: "told" }], "told"],
  ])("is told of its results: %s %#", (type, content, told) => {
    expect(saidIn(resultOf(type, content), text)).toBe(`[Result: ${told}]\nIt rains.`);
  });

  it("is nothing where it says nothing, and never long", () => {
    expect(saidIn(resultOf("code_execution_tool_result", {}), text)).toBe("It rains.");
    const long = saidIn(resultOf("mcp_tool_result", [{ type: "text", text: "x".repeat(100_000) }]));
    expect(long.length).toBeLessThan(5_000);
  });

  it("is the summary of what was compacted, whole", () => {
    expect(saidIn({ type: "compaction", content: "so far" }, text)).toBe("so farIt rains.");
  });

  it("is a chat's for a backend that speaks Messages", () => {
    expect(request(use, text).form({ dialects: ["messages"] }, "m").dialect).toBe("chat_completions");
    expect(request(text).form({ dialects: ["messages"] }, "m").dialect).toBe("messages");
  });

  it("takes no media along", () => {
    expect(() => saidIn(resultOf("web_search_tool_result", [{ ...found, image_url: "https://x/a.png" }]))).toThrow(
      expect.objectContaining({ details: { param: "messages[1].content[0].content[0].image_url" } }),
    );
  });
});

it("tells of tools that a search has found by their names", () => {
  const content = [{ type: "tool_reference", tool_name: "get_weather" }];
  const messages = [
    { role: "assistant", content: [{ type: "tool_use", id: "t", name: "find", input: {} }] },
    { role: "user", content: [{ type: "tool_result", tool_use_id: "t", content }] },
  ];
  const body = JSON.stringify({ model: "m", max_tokens: 5, messages });
  const sent = toMessagesRequest(Buffer.from(body), "req_1" as RequestId).form({ dialects: [] }, "m").body;
  expect(JSON.parse(Buffer.from(sent).toString()).messages[1].content).toBe("Tool get_weather");
});
