import { isAbsolute } from "node:path";
import { LIMITS, type ModelAdvert } from "@hearth/protocol";
import { z } from "zod";
import { AgentError } from "../platform/agent-error.js";
import { isOk, type JsonAnswer, type ServerApi } from "./server-api.js";

// Every extra is optional, and dropped when it is not what it should be: only the ids are needed to serve.
export const lenientCount: z.ZodType<number | undefined> = z
  .number()
  .int()
  .positive()
  .max(Number.MAX_SAFE_INTEGER)
  .optional()
  .catch(undefined);
export const lenientTokens: z.ZodType<number | undefined> = z
  .number()
  .int()
  .positive()
  .max(1e9)
  .optional()
  .catch(undefined);
export const lenientSlots: z.ZodType<number | undefined> = z
  .number()
  .int()
  .positive()
  .max(4096)
  .optional()
  .catch(undefined);
export const lenientFlag: z.ZodType<boolean | undefined> = z.boolean().optional().catch(undefined);
export const lenientText: z.ZodType<string | undefined> = z.string().max(256).optional().catch(undefined);
/** A relative one goes by the server's folder, which nobody here knows. */
export const lenientPath: z.ZodType<string | undefined> = z
  .string()
  .min(1)
  .max(4096)
  .refine((path) => isAbsolute(path))
  .optional()
  .catch(undefined);
/** As the server has it: a path may be long. */
export const modelId: z.ZodString = z.string().min(1).max(4096);

const listSchema = z.object({ data: z.array(z.unknown()) });

/** Asks for `/v1/models`. @returns its entries as they came. @throws AgentError `server_unusable` when there is no list */
export async function fetchModelList(api: ServerApi, signal: AbortSignal): Promise<readonly unknown[]> {
  const answer = await api.get("v1/models", signal);
  if (!isOk(answer)) throw new AgentError("server_unusable", `HTTP ${answer.status}`);
  const entries = listEntries(answer);
  if (entries === undefined) throw new AgentError("server_unusable", "no list of models");
  return entries;
}

/** The entries of a list in OpenAI's form, or `undefined` for anything else. */
export function listEntries({ json }: Pick<JsonAnswer, "json">): readonly unknown[] | undefined {
  return listSchema.safeParse(json).data?.data;
}

/** Reads each entry; the odd ones are dropped, the first of an id counts, and no more than may be advertised. */
export function readEntries<Model extends { readonly advert: ModelAdvert }>(
  entries: readonly unknown[],
  read: (entry: unknown) => Model | undefined,
): Model[] {
  const models = new Map<string, Model>();
  for (const entry of entries) {
    if (models.size >= LIMITS.modelsPerProvider) break;
    const model = read(entry);
    if (model !== undefined && !models.has(model.advert.id)) models.set(model.advert.id, model);
  }
  return [...models.values()];
}

/** Drops members that are `undefined`: the protocol's optional members are absent instead. */
export function present<T extends object>(value: { readonly [K in keyof T]: T[K] | undefined }): Partial<T> {
  return Object.fromEntries(Object.entries(value).filter(([, each]) => each !== undefined)) as Partial<T>;
}
