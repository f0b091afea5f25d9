import type { RawJson } from "@hearth/dialects";
import { invalidMember } from "../../platform/errors.js";
import type { BodyText } from "../json/body-text.js";
import { clientTool } from "./client-tools.js";
import type { CountTokensBody, CustomTool, Tool } from "./parse.js";

/** A function in the form of chat completions. */
interface OfferedFunction {
  readonly name: string;
  readonly description?: string;
  readonly parameters: object | RawJson;
  readonly strict?: boolean;
}

/** The tools of a request as functions, under whose names their calls come back. */
export class ToolSet {
  /** Types of the tools that are left out: they would run on Anthropic's servers, or are not known. */
  readonly ignored: readonly string[];
  /** Every tool brings its own schema: a backend that speaks Messages can take them as they are. */
  readonly isPlain: boolean;
  readonly #offered: readonly OfferedFunction[];

  /** @param text the consumer's own text, from which schemas are taken as they were written */
  constructor({ tools }: CountTokensBody, text: BodyText) {
    const all = tools ?? [];
    this.#offered = all.flatMap((tool, index) => offeredBy(tool, index, text) ?? []);
    this.ignored = all.flatMap((tool) => (isCustom(tool) || clientTool(tool) ? [] : [tool.type]));
    this.isPlain = all.every(isCustom);
  }

  get isEmpty(): boolean {
    return this.#offered.length === 0;
  }

  /** In the form of chat completions. */
  get functions(): readonly object[] {
    return this.#offered.map((each) => ({ type: "function", function: each }));
  }

  /**
   * The choice in the form of chat completions; nothing where there is no tool to choose.
   *
   * @throws HearthError `invalid_request` where a tool must be called that is not offered
   */
  choice({ tool_choice: choice }: CountTokensBody): object {
    if (!choice) return {};
    if (choice.type === "tool" && !this.#offered.some(({ name }) => name === choice.name)) {
      throw invalidMember("tool_choice.name", `no tool that could be called here is named '${choice.name}'`);
    }
    if (this.isEmpty) {
      if (choice.type !== "any") return {};
      throw invalidMember("tool_choice", "no tool that could be called here is in the request");
    }
    const parallel = choice.type !== "none" && choice.disable_parallel_tool_use ? { parallel_tool_calls: false } : {};
    switch (choice.type) {
      case "auto":
      case "none":
        return { tool_choice: choice.type, ...parallel };
      case "any":
        return { tool_choice: "required", ...parallel };
      case "tool":
        return { tool_choice: { type: "function", function: { name: choice.name } }, ...parallel };
    }
  }
}

const isCustom = (tool: Tool): tool is CustomTool => !tool.type || tool.type === "custom";

function offeredBy(tool: Tool, index: number, text: BodyText): OfferedFunction | undefined {
  if (!isCustom(tool)) {
    const known = clientTool(tool);
    return known && { name: tool.name ?? tool.type.replace(/_\d+$/, ""), ...known };
  }
  const { name, description, strict, input_schema: schema } = tool;
  return {
    name,
    ...(description ? { description } : {}),
    parameters: text.at(["tools", index, "input_schema"], schema),
    ...(typeof strict === "boolean" ? { strict } : {}),
  };
}
