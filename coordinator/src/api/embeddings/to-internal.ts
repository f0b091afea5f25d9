import { memberSplices, readEmbeddings, splice } from "@hearth/dialects";
import type { RequestId } from "@hearth/protocol";
import { inOneGo, type Steps } from "../../platform/steps.js";
import { DEFAULT_BODY_BOUNDS } from "../../request/body-bounds.js";
import type { InferenceRequest } from "../../request/inference-request.js";
import { type Arrived, jsonBodySteps } from "../json-body.js";
import { baseEdits } from "../member-edits.js";
import { endUserOf } from "../members/end-user.js";
import { sortMembers } from "../members/request-members.js";
import { inputSizes, parseEmbedding } from "./parse.js";

/** An embeddings request, with what only this dialect needs to write the reply. */
export interface EmbeddingRequest extends InferenceRequest {
  readonly base64: boolean;
}

/**
 * Reads a body. The provider gets the consumer's own text; vectors always come back as numbers, because not every
 * backend knows another form.
 *
 * @throws HearthError `invalid_request`
 */
export function toEmbeddingRequest(raw: Buffer, id: RequestId): EmbeddingRequest {
  return inOneGo(embeddingRequestSteps({ raw, id, bounds: DEFAULT_BODY_BOUNDS }));
}

/** {@link toEmbeddingRequest} in steps. */
export function* embeddingRequestSteps({ raw, id, bounds }: Arrived): Steps<EmbeddingRequest> {
  const { object, value } = yield* jsonBodySteps(raw, bounds);
  const body = parseEmbedding(value);
  yield;
  const { removed, ignored } = sortMembers("embeddings", body);
  const sizes = inputSizes(body.input);
  const asked = { count: sizes.length, dimensions: body.dimensions ?? undefined };
  return {
    id,
    model: body.model,
    delivery: "whole",
    form(_able, build) {
      const edits = baseEdits(body, removed);
      if (body.encoding_format) edits.set("encoding_format", undefined);
      if (build !== body.model) edits.set("model", JSON.stringify(build));
      return {
        dialect: "embeddings",
        format: "body",
        body: Buffer.from(splice(object.text, memberSplices(object, edits))),
        readEvent: (data) => readEmbeddings(data, asked),
      };
    },
    stream: false,
    ignored,
    base64: body.encoding_format === "base64",
    needs: { tools: false, vision: false, dialect: "embeddings" },
    ...endUserOf("embeddings", body),
    messageCount: sizes.length,
    promptTokens: sizes.reduce((sum, size) => sum + size, 0),
    longestInputTokens: Math.max(...sizes),
    maxTokens: 0,
  };
}
