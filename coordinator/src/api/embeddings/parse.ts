import { z } from "zod";
import { invalidMember } from "../../platform/errors.js";
import { checkBody } from "../check-body.js";
import { stopAtFirst } from "../json-body.js";
import { estimateTokens } from "../prompt-size.js";

/** Inputs one request may hold, as at OpenAI. */
const MAX_INPUTS = 2_048;

const text = z.string().min(1);
const tokens = stopAtFirst(z.array(z.int()).min(1));

export const embeddingSchema = z
  .looseObject({
    model: z.string().min(1).max(128).meta({ description: "Id of a model that `GET /v1/models` lists." }),
    input: z.union([
      text,
      stopAtFirst(z.array(text).min(1).max(MAX_INPUTS)),
      tokens,
      stopAtFirst(z.array(tokens).min(1).max(MAX_INPUTS)),
    ]),
    encoding_format: z
      .enum(["float", "base64"])
      .nullish()
      .meta({ description: "`base64` is the vector as little-endian 32-bit floats." }),
    dimensions: z.int().min(1).nullish(),
  })
  .meta({ id: "CreateEmbeddingRequest" });

export type EmbeddingBody = z.infer<typeof embeddingSchema>;

/** @throws HearthError `invalid_request` with the path of the first offending member as `param` */
export function parseEmbedding(value: Readonly<Record<string, unknown>>): EmbeddingBody {
  checkCount(value["input"]);
  return checkBody(embeddingSchema, value);
}

/** Before anything looks at the inputs one by one. A list of numbers is one input. */
function checkCount(input: unknown): void {
  if (!Array.isArray(input) || typeof input[0] === "number" || input.length <= MAX_INPUTS) return;
  throw invalidMember("input", `more than ${MAX_INPUTS} inputs in one request`);
}

/** The estimated tokens of each input. */
export function inputSizes(input: EmbeddingBody["input"]): number[] {
  if (typeof input === "string") return [sizeOf(input)];
  if (typeof input[0] === "number") return [input.length];
  return (input as readonly (string | readonly number[])[]).map(sizeOf);
}

function sizeOf(input: string | readonly number[]): number {
  return typeof input === "string" ? estimateTokens({ texts: [input], messages: 0, images: 0 }) : input.length;
}
