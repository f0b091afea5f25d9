import type { Context } from "hono";
import { z } from "zod";
import { checkBody } from "../api/check-body.js";
import type { Page } from "../store/enrolment-store.js";
import type { HttpEnv } from "./routing.js";

export const pageSchema = z.object({
  account: z.string().min(1).max(128).optional(),
  limit: z.coerce.number().int().min(1).max(1_000).default(100),
  after: z.string().min(1).max(128).optional(),
});

/** What a list's query says. */
type PageQuery = z.infer<typeof pageSchema>;

/** @throws HearthError `invalid_request` that names the member */
export function readPage(query: Readonly<Record<string, string>>): PageQuery {
  return checkBody(pageSchema, query);
}

/** A list of which there may be another page behind `last_id`. */
export const listSchema = <T extends z.ZodType>(entry: T) =>
  z.object({
    object: z.literal("list"),
    data: z.array(entry),
    last_id: z.string().nullable(),
    has_more: z.boolean(),
  });

export interface Paged<T> {
  /** Whose things are listed, whatever the query says; absent = as it says. */
  readonly account?: string | undefined;
  readonly load: (page: Page) => Promise<readonly T[]>;
  readonly describe: (item: T) => object;
}

/** Answers with one page, as the query says. @throws HearthError `invalid_request` */
export async function list<T extends { readonly id: string }>(
  c: Context<HttpEnv>,
  { account, load, describe }: Paged<T>,
): Promise<Response> {
  const query = readPage(c.req.query());
  const { limit, after } = query;
  const items = await load({ account: account ?? query.account, limit: limit + 1, after });
  const shown = items.slice(0, limit);
  const last_id = shown.at(-1)?.id ?? null;
  return c.json({ object: "list", data: shown.map(describe), last_id, has_more: items.length > limit });
}
