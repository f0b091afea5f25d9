import { embeddingAnswerSchema } from "../answer-schemas.js";
import type { Endpoint } from "../endpoint.js";
import { named } from "../named-schemas.js";
import { createEmbeddingsDialect } from "./dialect.js";
import { embeddingSchema } from "./parse.js";

/** The route of this dialect. */
export const embeddingsEndpoint: Endpoint = {
  path: "/v1/embeddings",
  speaks: "embeddings",
  dialect: createEmbeddingsDialect,
  idHeaders: ["X-Request-Id"],
  description: {
    id: "createEmbedding",
    summary: "Turn texts into vectors",
    request: named("CreateEmbeddingRequest", embeddingSchema),
    answer: named("EmbeddingList", embeddingAnswerSchema),
  },
};
