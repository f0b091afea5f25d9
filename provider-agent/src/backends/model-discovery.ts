import { type BackendDialect, LIMITS, type ModelAdvert } from "@hearth/protocol";
import { z } from "zod";

// Every extra is optional, and dropped when it is not what it should be: only the ids are needed to serve.
const count = z.number().int().positive().max(Number.MAX_SAFE_INTEGER).optional().catch(undefined);
const tokens = z.number().int().positive().max(1e9).optional().catch(undefined);
const slots = z.number().int().positive().max(4096).optional().catch(undefined);
const flag = z.boolean().optional().catch(undefined);
const text = z.string().max(256).optional().catch(undefined);

const entrySchema = z.object({
  id: z.string().min(1).max(128),
  owned_by: text,
  /** vLLM. */
  max_model_len: tokens,
  /** llama.cpp, and the embedded engine in the same form. */
  meta: z
    .object({ n_ctx: tokens, n_ctx_train: tokens, size: count, ftype: text, slots, tools: flag })
    .optional()
    .catch(undefined),
});

const listSchema = z.object({ data: z.array(z.unknown()) });

/** What llama.cpp's server says of itself in `/props`. */
const propsSchema = z.object({
  total_slots: slots,
  default_generation_settings: z.object({ n_ctx: tokens }).optional().catch(undefined),
  modalities: z.object({ vision: flag }).optional().catch(undefined),
});

/** llama.cpp's `/slots`, which its owner may have switched off. */
const slotsSchema = z.array(z.object({ is_processing: z.boolean() }));

/** What servers that are known by their `owned_by` speak besides chat completions. */
const DIALECTS: Readonly<Record<string, readonly BackendDialect[]>> = {
  llamacpp: ["chat_completions", "completions"],
  hearth: ["chat_completions", "completions"],
};

/** A model as a server lists it. */
export interface ListedModel {
  readonly advert: ModelAdvert;
  /** The server's own name for its kind. */
  readonly family: string | undefined;
  /** Requests it serves at once. */
  readonly slots: number | undefined;
}

export interface Props {
  readonly totalSlots: number | undefined;
  /** Tokens that one request may have. */
  readonly slotContext: number | undefined;
  readonly vision: boolean | undefined;
}

/** Reads the answer of `/v1/models`. @returns `undefined` when it is no list */
export function readModelList(json: unknown): ListedModel[] | undefined {
  const list = listSchema.safeParse(json);
  if (!list.success) return undefined;
  const models = new Map<string, ListedModel>();
  for (const entry of list.data.data) {
    const model = readModel(entry);
    if (model !== undefined) models.set(model.advert.id, model);
  }
  return [...models.values()].slice(0, LIMITS.modelsPerProvider);
}

/** Reads the answer of `/props`; what is missing or odd is `undefined`. */
export function readProps(json: unknown): Props {
  const props = propsSchema.safeParse(json).data;
  return {
    totalSlots: props?.total_slots,
    slotContext: props?.default_generation_settings?.n_ctx,
    vision: props?.modalities?.vision,
  };
}

/** Reads the answer of `/slots`. @returns how many are at work, whoever gave them that */
export function readSlots(json: unknown): number | undefined {
  return slotsSchema.safeParse(json).data?.filter((slot) => slot.is_processing).length;
}

/** What a slot really has comes before what the model was trained for. */
export function withProps(model: ListedModel, { slotContext, vision }: Props): ListedModel {
  const { capabilities, ...advert } = model.advert;
  return {
    ...model,
    advert: {
      ...advert,
      ...(slotContext === undefined ? {} : { context_length: slotContext }),
      capabilities: { ...capabilities, ...(vision === undefined ? {} : { vision }) },
    },
  };
}

function readModel(entry: unknown): ListedModel | undefined {
  const parsed = entrySchema.safeParse(entry);
  if (!parsed.success) return undefined;
  const { id, owned_by: family, max_model_len, meta } = parsed.data;
  const context = max_model_len ?? meta?.n_ctx ?? meta?.n_ctx_train;
  const dialects = DIALECTS[family ?? ""];
  const advert: ModelAdvert = {
    id,
    ...(context === undefined ? {} : { context_length: context }),
    ...(meta?.size === undefined ? {} : { weights_bytes: meta.size }),
    ...(meta?.ftype === undefined ? {} : { quantization: meta.ftype }),
    ...(dialects === undefined ? {} : { dialects: [...dialects] }),
    capabilities: meta?.tools === undefined ? {} : { tools: meta.tools },
  };
  return { advert, family, slots: meta?.slots };
}
