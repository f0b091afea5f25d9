import type { ModelAdvert } from "@hearth/protocol";
import type { Price, PriceRange } from "../ledger/price-list.js";
import { decimalText } from "../platform/decimal-text.js";
import type { Availability, ModelOffer } from "../selection/offers.js";

/**
 * A model in OpenAI's form, with what other servers add to that, under their names: `context_length`, `architecture`,
 * `supported_parameters` and `pricing` are OpenRouter's, `type`, `display_name` and `created_at` those that Anthropic's SDK reads.
 */
export interface ModelEntry {
  readonly id: string;
  readonly object: "model";
  /** When the provider that has served it longest connected, seconds since 1970. */
  readonly created: number;
  readonly owned_by: string;
  readonly type: "model";
  readonly display_name: string;
  readonly created_at: string;
  /** The longest context that a machine has for it, tokens; absent = nobody says. */
  readonly context_length?: number;
  readonly architecture: {
    readonly input_modalities: readonly string[];
    readonly output_modalities: readonly string[];
  };
  /** What requests may carry and is known to be honoured. */
  readonly supported_parameters: readonly string[];
  /** `false` = no machine does it; absent = nobody has said. */
  readonly features: Pick<ModelAdvert["capabilities"], "tools" | "structured_output" | "logprobs" | "reasoning">;
  /** As backends call them. */
  readonly quantizations: readonly string[];
  /** The most that it costs now; absent = nothing has a price here. */
  readonly pricing?: Pricing;
  /** What it costs where its owner asks nothing of his own, and the range over the machines that may serve it now. */
  readonly price_range?: {
    readonly platform: Pricing;
    readonly cheapest: Pricing;
    readonly dearest: Pricing;
  };
  readonly availability: {
    readonly status: Availability;
    readonly providers: number;
    readonly warm: number;
    readonly free_slots: number;
  };
}

/** US dollars a token, as exact decimal numbers. */
interface Pricing {
  readonly prompt: string;
  readonly completion: string;
  readonly input_cache_read: string;
}

/** A model that somebody serves now. */
export interface FoundModel {
  readonly id: string;
  /** Seconds since 1970. */
  readonly created: number;
  readonly offer: ModelOffer;
  /** What it costs now; absent = nothing has a price here. */
  readonly prices?: PriceRange;
}

/** A model as OpenAI's clients read it. */
export function openAiModel({ id, created, offer, prices }: FoundModel): ModelEntry {
  const { contextLength, capabilities, chats, quantizations, availability, providers, warm, freeSlots } = offer;
  const { vision, embeddings, ...features } = capabilities;
  return {
    id,
    object: "model",
    created,
    owned_by: "hearth",
    type: "model",
    display_name: id,
    created_at: new Date(created * 1000).toISOString(),
    ...(contextLength === undefined ? {} : { context_length: contextLength }),
    architecture: {
      input_modalities: ["text", ...(vision === true ? ["image"] : [])],
      output_modalities: [...(chats ? ["text"] : []), ...(embeddings === true ? ["embeddings"] : [])],
    },
    supported_parameters: chats ? parametersOf(features) : [],
    features,
    quantizations,
    ...(prices === undefined ? {} : pricesOf(prices)),
    availability: { status: availability, providers, warm, free_slots: freeSlots },
  };
}

function pricesOf({ platform, cheapest, dearest }: PriceRange): Pick<ModelEntry, "pricing" | "price_range"> {
  const pricing = pricingOf(dearest);
  return { pricing, price_range: { platform: pricingOf(platform), cheapest: pricingOf(cheapest), dearest: pricing } };
}

/** A micro-USD for a million tokens is 10⁻¹² dollars for one. */
function pricingOf({ input, output, cachedInput }: Price): Pricing {
  const perToken = (amount: bigint): string => decimalText(amount, 12);
  return { prompt: perToken(input), completion: perToken(output), input_cache_read: perToken(cachedInput) };
}

/** What every backend that chats has taken from its first version on. */
const BASIC = ["frequency_penalty", "max_tokens", "presence_penalty", "seed", "stop", "temperature", "top_p"] as const;

function parametersOf({ tools, structured_output, logprobs, reasoning }: ModelEntry["features"]): readonly string[] {
  return [
    ...BASIC,
    ...(tools === true ? ["tools", "tool_choice"] : []),
    ...(structured_output === true ? ["response_format", "structured_outputs"] : []),
    ...(logprobs === true ? ["logprobs", "top_logprobs"] : []),
    ...(reasoning === true ? ["reasoning", "reasoning_effort"] : []),
  ];
}

/**
 * A model in Anthropic's form (`ModelInfo` of its SDK at 1.11), where everything is said: what nobody has said counts as
 * not supported, and what Hearth has no such thing for as well.
 */
export function anthropicModel({ id, created, offer }: FoundModel): object {
  const { vision, structured_output: schemas, reasoning } = offer.capabilities;
  const thinks = supported(reasoning === true);
  return {
    type: "model",
    id,
    display_name: id,
    created_at: new Date(created * 1000).toISOString(),
    max_input_tokens: offer.contextLength ?? null,
    max_tokens: offer.contextLength ?? null,
    lifecycle: "active",
    line: null,
    deprecated_at: null,
    retires_at: null,
    capabilities: {
      batch: NOT,
      citations: NOT,
      code_execution: NOT,
      context_management: {
        ...{ supported: false, clear_thinking_20251015: null, clear_tool_uses_20250919: null, compact_20260112: null },
      },
      effort: { ...thinks, low: thinks, medium: thinks, high: thinks, max: NOT, xhigh: null },
      image_input: supported(vision === true),
      pdf_input: NOT,
      server_tools: { supported: false, code_execution: NOT, web_search: NOT },
      structured_outputs: supported(schemas === true),
      thinking: { ...thinks, types: { adaptive: NOT, between_tools: NOT, disabled: thinks, enabled: thinks } },
    },
  };
}

const supported = (is: boolean): { readonly supported: boolean } => ({ supported: is });

const NOT = supported(false);
