import { LIMITS } from "@hearth/protocol";
import type { Hono } from "hono";
import { inputTokensSchema, messagesErrorSchema, tokenCountSchema } from "../api/answer-schemas.js";
import { filesAsTexts } from "../api/documents/file-parts.js";
import { countTokens } from "../api/messages/dialect.js";
import { countTokensSchema } from "../api/messages/parse.js";
import { named } from "../api/named-schemas.js";
import { countInputTokensSchema } from "../api/responses/parse.js";
import { mayRefer, recall } from "../api/responses/recall.js";
import { countInputTokenSteps } from "../api/responses/to-internal.js";
import { HearthError } from "../platform/errors.js";
import { inTurns } from "../platform/steps.js";
import { authenticate } from "./authenticate.js";
import { type InferenceDeps, receive } from "./inference-route.js";
import { described, type Operation } from "./openapi/operation.js";
import { declaredBytes } from "./read-body.js";
import { type HttpEnv, postOnly } from "./routing.js";
import { isSealed } from "./sealed/open-request.js";

type TokenCountDeps = Pick<InferenceDeps, "principals" | "uploads" | "bounds" | "clock" | "stored">;

interface TokenCount {
  readonly path: string;
  readonly count: (raw: Buffer, deps: TokenCountDeps, account: string) => object | Promise<object>;
  readonly operation: Operation;
}

const ESTIMATE = "An estimate: the model's tokenizer is on the provider's machine.";

const TOKEN_COUNTS: readonly TokenCount[] = [
  {
    path: "/v1/messages/count_tokens",
    count: countTokens,
    operation: {
      id: "countMessageTokens",
      audience: "Inference",
      summary: "Estimate the tokens of a conversation",
      description: ESTIMATE,
      request: named("CountTokensRequest", countTokensSchema),
      answer: named("TokenCount", tokenCountSchema),
      error: named("MessagesError", messagesErrorSchema),
    },
  },
  {
    path: "/v1/responses/input_tokens",
    count: countInputTokens,
    operation: {
      id: "countInputTokens",
      audience: "Inference",
      summary: "Estimate the tokens of an input",
      description: ESTIMATE,
      request: named("CountInputTokensRequest", countInputTokensSchema),
      answer: named("InputTokens", inputTokensSchema),
    },
  },
];

/** What an input refers to counts as if it stood there. */
async function countInputTokens(body: Buffer, deps: TokenCountDeps, account: string): Promise<object> {
  const { bounds, stored } = deps;
  const responses = stored(account);
  const raw = await filesAsTexts(body, "input", deps);
  const whole = responses !== undefined && mayRefer(raw) ? (await recall(raw, bounds, responses)).raw : raw;
  return await inTurns(countInputTokenSteps(whole, bounds), whole.length);
}

/** Routes that estimate how long a prompt is: nobody else is asked. */
export function tokenCountRoutes(app: Hono<HttpEnv>, deps: TokenCountDeps): void {
  for (const { path, count, operation } of TOKEN_COUNTS) {
    postOnly(
      app,
      path,
      described(operation, async (c) => {
        const { headers } = c.env.incoming;
        const { account } = await authenticate(headers, deps.principals, "inference");
        if (isSealed(headers["content-type"])) {
          throw new HearthError("invalid_request", "This route takes no sealed body.");
        }
        using upload = deps.uploads.begin(account, declaredBytes(c.env.incoming));
        const raw = await receive(upload, c.env.incoming, LIMITS.requestBodyBytes);
        return c.json(await count(raw, deps, account));
      }),
    );
  }
}
