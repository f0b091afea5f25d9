import { FREEFORM_ARGUMENT } from "./freeform-input.js";

/** A custom tool of OpenAI's: it is called with a text of any form, or of a grammar's. */
export interface FreeformTool {
  readonly description?: string | null | undefined;
  readonly grammar?:
    | { readonly syntax?: string | null | undefined; readonly definition?: string | null | undefined }
    | undefined;
}

/** The function of one text that stands for it: the model is told the grammar, and is not held to it. */
export function freeformFunction({ description, grammar }: FreeformTool): {
  readonly description: string;
  readonly parameters: object;
} {
  const told = grammar?.definition
    ? `The text must follow this grammar${grammar.syntax ? ` (${grammar.syntax})` : ""}:\n\n${grammar.definition}`
    : undefined;
  return {
    description: [description, HOW_TO_CALL, told].filter(Boolean).join("\n\n"),
    parameters: PARAMETERS,
  };
}

/** Clients tell a model that it need not write JSON: true where custom tools are known, and not for a function. */
const HOW_TO_CALL = `Write the text as the string '${FREEFORM_ARGUMENT}' of a JSON object.`;

const PARAMETERS = {
  type: "object",
  properties: { [FREEFORM_ARGUMENT]: { type: "string", description: "The text that the tool is called with." } },
  required: [FREEFORM_ARGUMENT],
  additionalProperties: false,
};
