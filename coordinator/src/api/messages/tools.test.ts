import type { RequestId } from "@hearth/protocol";
import { describe, expect, it } from "vitest";
import { HearthError } from "../../platform/errors.js";
import { clientTool, type TypedTool } from "./client-tools.js";
import { type MessagesRequest, toMessagesRequest } from "./to-internal.js";

interface Sent {
  readonly tools?: readonly { readonly function: { readonly name: string; readonly parameters: Schema } }[];
  readonly tool_choice?: unknown;
}
interface Schema {
  readonly properties: Readonly<Record<string, { readonly enum?: readonly string[] }>>;
  readonly required?: readonly string[];
}

const custom = { name: "f", input_schema: { type: "object", properties: {} } };
const search = { type: "web_search_20250305", name: "web_search" };
const bash = { type: "bash_20250124", name: "bash" };

function request(...tools: readonly object[]): MessagesRequest {
  return asked({ tools });
}

function asked(more: object): MessagesRequest {
  const body = { model: "m", max_tokens: 5, messages: [{ role: "user", content: "hi" }], ...more };
  return toMessagesRequest(Buffer.from(JSON.stringify(body)), "req_1" as RequestId);
}

const sentOf = (of: MessagesRequest): Sent => JSON.parse(Buffer.from(of.form({ dialects: [] }, "m").body).toString());
const schemaOf = (tool: TypedTool): Schema => clientTool(tool)?.parameters as Schema;

describe("tools of Anthropic's own that the client runs", () => {
  it.each([
    ["bash_20241022", "bash", ["command", "restart"], []],
    ["bash_20250124", "bash", ["command", "restart"], []],
    [
      "text_editor_20250728",
      "str_replace_based_edit_tool",
      ["command", "path", "file_text", "old_str", "view_range", "insert_line", "new_str", "insert_text"],
      ["command", "path"],
    ],
    [
      "text_editor_20250124",
      "str_replace_editor",
      ["command", "path", "file_text", "old_str", "view_range", "insert_line", "new_str"],
      ["command", "path"],
    ],
    [
      "memory_20250818",
      "memory",
      [
        ...["command", "path", "file_text", "old_str", "view_range", "new_str", "insert_line", "insert_text"],
        ...["old_path", "new_path"],
      ],
      ["command"],
    ],
    ["computer_20241022", "computer", ["action", "coordinate", "text"], ["action"]],
    [
      "computer_20250124",
      "computer",
      [...["action", "coordinate", "text", "start_coordinate", "duration", "scroll_direction", "scroll_amount"]],
      ["action"],
    ],
  ])("are functions with their published input: %s", (type, name, members, required) => {
    const of = request({ type, name, cache_control: { type: "ephemeral" } });
    const [tool, ...others] = sentOf(of).tools ?? [];
    expect(others).toEqual([]);
    expect(tool?.function.name).toBe(name);
    expect(Object.keys(tool?.function.parameters.properties ?? {})).toEqual(members);
    expect(tool?.function.parameters.required).toEqual(required);
    expect(of).toMatchObject({ ignored: [], needs: { tools: true } });
  });

  it("have the commands of their version", () => {
    const commands = (type: string) => schemaOf({ type }).properties["command"]?.enum;
    expect(commands("text_editor_20250728")).toEqual(["view", "create", "str_replace", "insert"]);
    expect(commands("text_editor_20250124")).toContain("undo_edit");
    const actions = (tool: TypedTool) => schemaOf(tool).properties["action"]?.enum;
    expect(actions({ type: "computer_20241022" })).not.toContain("scroll");
    expect(actions({ type: "computer_20250124" })).toContain("scroll");
    expect(actions({ type: "computer_20251124", enable_zoom: true })).toContain("zoom");
    expect(actions({ type: "computer_20251124" })).not.toContain("zoom");
  });

  it("tell the size of a computer's screen", () => {
    const tool = { type: "computer_20250124", display_width_px: 1024, display_height_px: 768 };
    expect(clientTool(tool)?.description).toContain("1024 × 768");
  });

  it("are a chat's for a backend that speaks Messages, which would take them for tools without input", () => {
    expect(request(bash).form({ dialects: ["messages"] }, "m").dialect).toBe("chat_completions");
    expect(request(custom).form({ dialects: ["messages"] }, "m").dialect).toBe("messages");
  });
});

describe("tools of Anthropic's servers", () => {
  it.each([
    ["web_search_20250305"],
    ["web_fetch_20250910"],
    ["code_execution_20250825"],
    ["tool_search_tool_bm25_20251119"],
    ["mcp_toolset"],
    ["computer_toolset_20260801"],
    ["made_up_20300101"],
  ])("are left out, and named: %s", (type) => {
    const of = request({ type, mcp_server_name: "x" }, custom);
    expect(sentOf(of).tools?.map((tool) => tool.function.name)).toEqual(["f"]);
    expect(of).toMatchObject({ ignored: [type], needs: { tools: true } });
    expect(of.form({ dialects: ["messages"] }, "m").dialect).toBe("chat_completions");
  });

  it("leave no tools where there are no others", () => {
    const of = asked({ tools: [search], tool_choice: { type: "auto" } });
    expect(sentOf(of)).not.toHaveProperty("tools");
    expect(sentOf(of)).not.toHaveProperty("tool_choice");
    expect(of.needs.tools).toBe(false);
  });

  it.each([
    ["tool_choice.name", { type: "tool", name: "web_search" }, [search, custom]],
    ["tool_choice", { type: "any" }, [search]],
  ])("cannot be demanded: %s", (param, choice, tools) => {
    const refused = (): MessagesRequest => asked({ tools, tool_choice: choice });
    expect(refused).toThrow(HearthError);
    expect(refused).toThrow(expect.objectContaining({ code: "invalid_request", details: { param } }));
  });
});
