import type { Context, Hono } from "hono";
import { z } from "zod";
import type { Principals } from "../accounts/resolution.js";
import { responseSchema } from "../api/answer-schemas.js";
import { checkBody } from "../api/check-body.js";
import { named } from "../api/named-schemas.js";
import { HearthError, invalidMember } from "../platform/errors.js";
import type { AccountResponses, StoredItem, StoredResponse } from "../stored-responses/stored-responses.js";
import { authenticate } from "./authenticate.js";
import { described, type Operation } from "./openapi/operation.js";
import type { HttpEnv } from "./routing.js";

export interface StoredResponseDeps {
  readonly principals: Principals;
  readonly stored: (account: string) => AccountResponses | undefined;
}

const RETRIEVE: Operation = {
  id: "retrieveResponse",
  audience: "Inference",
  summary: "Get an answer that is kept",
  answer: named("Response", responseSchema),
};

/** OpenAI's bounds of a page, and what it takes them for where they are left out. */
const pageSchema = z.object({
  limit: z.coerce.number().int().min(1).max(100).default(20),
  order: z.enum(["asc", "desc"]).default("desc"),
  after: z.string().max(256).optional(),
});

const LIST_INPUT: Operation = {
  id: "listResponseInput",
  audience: "Inference",
  summary: "List what an answer that is kept was asked with",
  description: "In pages, the last item first unless `order` is `asc`.",
  query: pageSchema,
  answer: named(
    "ResponseInputList",
    z.object({
      object: z.literal("list"),
      data: z.array(z.looseObject({ id: z.string(), type: z.string() })),
      first_id: z.string(),
      last_id: z.string(),
      has_more: z.boolean(),
    }),
  ),
};

const DELETE: Operation = {
  id: "deleteResponse",
  audience: "Inference",
  summary: "Forget an answer that is kept",
  answer: named(
    "DeletedResponse",
    z.object({ id: z.string(), object: z.literal("response.deleted"), deleted: z.literal(true) }),
  ),
};

const CANCEL: Operation = {
  id: "cancelResponse",
  audience: "Inference",
  summary: "Stop an answer that is still being made",
  answer: named("Response", responseSchema),
};

/** What may be done with the answers of `/v1/responses` that are kept: for the account that asked, with their ids. */
export function storedResponseRoutes(app: Hono<HttpEnv>, { principals, stored }: StoredResponseDeps): void {
  const idOf = (c: Context<HttpEnv>): string => (c.req.param("id") ?? "").slice(0, 128);
  const responsesOf = async (c: Context<HttpEnv>): Promise<AccountResponses | undefined> =>
    stored((await authenticate(c.env.incoming.headers, principals, "inference")).account);
  const found = async (c: Context<HttpEnv>): Promise<StoredResponse> => {
    const kept = await (await responsesOf(c))?.find(idOf(c));
    if (kept === undefined || kept.response.id !== idOf(c)) throw notFound(idOf(c));
    return kept;
  };
  app.get(
    "/v1/responses/:id",
    described(RETRIEVE, async (c) => {
      if (c.req.query("stream") === "true") {
        throw new HearthError("invalid_request", "An answer that is kept is told whole: leave 'stream' out.", {
          param: "stream",
        });
      }
      return c.json((await found(c)).response);
    }),
  );
  app.get(
    "/v1/responses/:id/input_items",
    described(LIST_INPUT, async (c) => c.json(pageOf((await found(c)).input, checkBody(pageSchema, c.req.query())))),
  );
  app.delete(
    "/v1/responses/:id",
    described(DELETE, async (c) => {
      const { response } = await found(c);
      await (await responsesOf(c))?.forget(response.id);
      return c.json({ id: response.id, object: "response.deleted", deleted: true });
    }),
  );
  app.post(
    "/v1/responses/:id/cancel",
    described(CANCEL, async (c) => {
      const response = (await responsesOf(c))?.cancel(idOf(c));
      if (response !== undefined) return c.json({ ...response, status: "cancelled" });
      await found(c);
      throw new HearthError("invalid_request", "Cannot cancel a completed response.");
    }),
  );
}

/** @throws HearthError `invalid_request` for an id that the page before cannot have ended with */
function pageOf(items: readonly StoredItem[], { limit, order, after }: z.infer<typeof pageSchema>): object {
  const all = items.map(listed);
  if (order === "desc") all.reverse();
  const before = after === undefined ? -1 : all.findIndex(({ id }) => id === after);
  if (after !== undefined && before === -1) {
    throw invalidMember("after", "no item of this response has this id");
  }
  const data = all.slice(before + 1, before + 1 + limit);
  return {
    object: "list",
    data,
    first_id: data[0]?.id ?? "",
    last_id: data.at(-1)?.id ?? "",
    has_more: before + 1 + limit < all.length,
  };
}

/** An item as OpenAI lists it: with an id and a status, which consumers leave out, and content in parts. */
function listed(item: StoredItem, index: number): StoredItem & { readonly id: string } {
  const { id, type = "message", content, role } = item;
  const kind = role === "assistant" ? "output_text" : "input_text";
  const parts = typeof content === "string" ? { content: [{ type: kind, text: content }] } : {};
  return { status: "completed", ...item, type, ...parts, id: typeof id === "string" ? id : `item_${index}` };
}

const notFound = (id: string): HearthError =>
  new HearthError("not_found", `Response with id '${id}' not found: it is kept for a while only, or was never kept.`);
