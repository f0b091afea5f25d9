import { TOOL_CALL_CLOSE, TOOL_CALL_OPEN } from "../text/tool-call-parser.js";
import { type Expression, GrammarBuilder, jsonRule, literal, oneOf } from "./grammar-builder.js";
import { SchemaGrammar } from "./schema-grammar.js";

/** A tool as the grammar needs to know it. */
export interface CallableTool {
  readonly name: string;
  /** JSON Schema of the arguments; without one any object is allowed. */
  readonly parameters?: unknown;
}

/** What an answer must look like: JSON of some kind, calls of one of `tools`, or either if both are given. */
export interface AnswerShape {
  readonly json?: { readonly type: "object" } | { readonly type: "schema"; readonly schema: unknown };
  readonly calls?: { readonly tools: readonly CallableTool[]; readonly parallel: boolean };
}

/**
 * The GBNF grammar for such an answer, or nothing if anything goes.
 * @throws {ApiError} `unsupported_schema`
 */
export function answerGrammar(shape: AnswerShape): string | undefined {
  const builder = new GrammarBuilder();
  const alternatives: Expression[] = [];
  if (shape.json?.type === "object") alternatives.push(jsonRule("object"));
  if (shape.json?.type === "schema") {
    alternatives.push(new SchemaGrammar(builder, shape.json.schema, "response_format.json_schema.schema").expression());
  }
  if (shape.calls !== undefined) alternatives.push(calls(builder, shape.calls.tools, shape.calls.parallel));
  return alternatives.length === 0 ? undefined : builder.build(oneOf(alternatives));
}

function calls(builder: GrammarBuilder, tools: readonly CallableTool[], parallel: boolean): Expression {
  const bodies = tools.map(({ name, parameters }, index) => {
    const schema = new SchemaGrammar(builder, parameters ?? { type: "object" }, `tools[${index}].function.parameters`);
    const head = literal(`{"name": ${JSON.stringify(name)}, "arguments": `);
    return builder.add(`${head} ${schema.expression()} "}"`);
  });
  const call = builder.add(`${literal(`${TOOL_CALL_OPEN}\n`)} ${oneOf(bodies)} ${literal(`\n${TOOL_CALL_CLOSE}`)}`);
  return parallel ? builder.add(`${call} ( "\\n" ${call} )*`) : call;
}
