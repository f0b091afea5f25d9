import type { BackendDialect } from "@hearth/protocol";
import type { ModelAbilities, OutboundForm, OutboundRequest } from "../dispatch/outbound-request.js";

/** Most answers that one request may ask for; each of them may occupy a provider at the same time. */
export const MAX_CHOICES = 8;

/** What a request reveals about the conversation that it belongs to. */
export interface KnownConversation {
  /** A digest of its beginning, the same for all its requests. What was said cannot be read from it. */
  readonly opening: string;
  /** It has had an answer before. */
  readonly continued: boolean;
}

/** A consumer's request in Hearth's own terms. Nothing below `api/` knows which dialect it came in. */
export interface InferenceRequest extends OutboundRequest {
  /** The consumer wants events as they come, not one answer at the end. */
  readonly stream: boolean;
  /** Members and tools of the consumer's body that were left out, by name: the answer's headers say so. */
  readonly ignored: readonly string[];
  /** How many answers are wanted to the same prompt, 2 to `MAX_CHOICES`; absent = one. */
  readonly choices?: number;
  readonly needs: {
    readonly tools: boolean;
    readonly vision: boolean;
    /** The answer has to follow a JSON schema; absent = it need not. */
    readonly structuredOutput?: boolean;
    /** The answer has to carry the probabilities of its tokens; absent = it need not. */
    readonly logprobs?: boolean;
    /** Its images can be replaced by a text if no provider takes images. Absent = no. */
    readonly visionIsOptional?: boolean;
    /** Only a backend that speaks this natively can serve it; absent = any that chats. */
    readonly dialect?: BackendDialect;
  };
  /** Of the conversation: messages, or a response's items; texts where there is none; absent = the dialect counts nothing. */
  readonly messageCount?: number;
  /** Who of its own users the consumer says that it is for; absent = it does not say. */
  readonly endUser?: string;
  /** Estimate, tokens: no tokenizer of the model is at hand. */
  readonly promptTokens: number;
  /** The longest of several inputs that do not share a context, tokens. Absent = there is one input. */
  readonly longestInputTokens?: number;
  /** The consumer's bound on the answer, tokens. */
  readonly maxTokens: number | undefined;
  /** The conversation that it belongs to. Absent in dialects without conversations. */
  readonly conversation?: KnownConversation;
  /** As in `OutboundRequest`. @param choice which of several answers is asked for, from 0; each form asks for one */
  form(able: ModelAbilities, build: string, choice?: number): OutboundForm;
}
